"""Registries of a chosen size that were never pushed: rows written by bench/Longshore.Generator, and the server over them."""
import glob
import json
import os
import socket
import subprocess

from . import targets

GENERATOR = os.path.join(targets.ROOT, "bench/Longshore.Generator/bin/Release/net10.0/Longshore.Generator")
SAMPLES = 4000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """Debian's PostgreSQL on a free local port, with its own settings but for the size of its cache. One for all registries of a run."""

    def __init__(self, folder):
        self.folder, self.port = os.path.join(folder, "postgres"), None
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
        self.bin = found[-1]

    def _run(self, *command):
        prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*prefix, *command], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        if not os.path.exists(self.folder):
            os.makedirs(self.folder)
            if os.geteuid() == 0:
                subprocess.run(["chown", "postgres", self.folder], check=True)
                os.chmod(os.path.dirname(self.folder), 0o755)
            self._run(self.bin + "/initdb", "-D", self.folder + "/db", "-U", "longshore", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.port = free_port()
        options = (f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c max_connections=300 "
                   "-c shared_buffers=1GB -c max_wal_size=4GB")
        self._run(self.bin + "/pg_ctl", "-D", self.folder + "/db", "-w", "-l", self.folder + "/log", "-o", options, "start")

    def stop(self):
        self._run(self.bin + "/pg_ctl", "-D", self.folder + "/db", "-m", "fast", "stop")

    def sql(self, database, text):
        run = subprocess.run([self.bin + "/psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "longshore", "-d", database, "-Atc", text],
                             capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def url(self, database):
        return f"postgres://longshore@127.0.0.1:{self.port}/{database}"


class Generated(targets.Longshore):
    """Longshore over a generated registry, on SQLite or on PostgreSQL."""

    def __init__(self, name, folder, repositories, images, wide, postgres=None, options=()):
        self.name, self.folder, self.postgres, self.options = name, os.path.join(folder, name), postgres, list(options)
        self.host, self.port, self.process, self.authorization = "127.0.0.1", None, None, None
        self.repositories, self.images, self.wide = repositories, images, wide
        self.key, self.secret = "AKIALONGSHORESCALE00", "longshore-scale-secret-0123456789abcdef"
        self.data = os.path.join(self.folder, "data")
        self.database = name.replace("-", "_")
        self.about, self.samples = None, None

    @property
    def total(self):
        return self.images + self.wide

    @property
    def database_argument(self):
        return self.postgres.url(self.database) if self.postgres else os.path.join(self.data, "longshore.db")

    def command(self):
        arguments, environment = super().command()
        arguments = [a for a in arguments if a != "--create-on-push"]
        if self.postgres:
            arguments += ["--database", self.database_argument]
        return arguments + self.options, environment

    def generate(self, *arguments):
        run = subprocess.run([GENERATOR, *map(str, arguments)], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"the generator ended with {run.returncode}:\n{run.stdout[-500:]}{run.stderr[-2000:]}")
        return json.loads(run.stdout.splitlines()[-1])

    def prepare(self):
        """Generates the registry, unless a former run has left it here."""
        about = os.path.join(self.folder, "about.json")
        samples = os.path.join(self.folder, "samples.jsonl")
        if not os.path.exists(about):
            os.makedirs(self.data)
            os.chmod(self.data, 0o700)
            if self.postgres:
                self.postgres.sql("postgres", f"CREATE DATABASE {self.database}")
            made = self.generate("registry", self.database_argument, self.repositories, self.images, self.wide, SAMPLES, samples, self.data + "/blobs")
            if self.postgres:
                self.postgres.sql(self.database, "VACUUM (ANALYZE, FREEZE)")
            # Most of its blobs are nowhere, which a server would take for a store that is not mounted.
            place = ["--database", self.database_argument] if self.postgres else []
            subprocess.run([targets.LONGSHORE, "store", "adopt", "--force", "--data", self.data, *place], check=True, stdout=subprocess.DEVNULL)
            made["bytes"] = self.size()
            with open(about, "w") as file:
                json.dump(made, file)
        with open(about) as file:
            self.about = json.load(file)
        with open(samples) as file:
            self.samples = [json.loads(line) for line in file]

    def size(self):
        """Bytes of the database, without its log."""
        if self.postgres:
            return int(self.postgres.sql("postgres", f"SELECT pg_database_size('{self.database}')"))
        return os.path.getsize(self.database_argument)
