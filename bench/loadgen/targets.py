"""Starts and stops the servers that are compared, and reads what they cost from /proc."""
import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from .signing import signed_headers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONGSHORE = os.path.join(ROOT, "src/Longshore.Server/bin/Release/net10.0/longshore")


class Target:
    """A server on a free local port over a data directory that survives restarts."""

    ready_path = "/v2/"

    def __init__(self, name, folder):
        self.name, self.folder = name, os.path.join(folder, name)
        self.host, self.port, self.process, self.authorization = "127.0.0.1", None, None, None
        os.makedirs(self.folder)

    def command(self):
        """-> (argument list, environment) for a server on self.port."""
        raise NotImplementedError

    def start(self):
        """Starts the process; -> milliseconds from exec to the first 200."""
        with socket.socket() as probe:
            probe.bind((self.host, 0))
            self.port = probe.getsockname()[1]
        arguments, environment = self.command()
        with open(os.path.join(self.folder, "log"), "ab") as log:
            begin = time.perf_counter()
            self.process = subprocess.Popen(arguments, env={**os.environ, **environment}, stdout=log, stderr=log)
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - begin > 30:
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{self.tail()}")
            time.sleep(0.002)
        elapsed = (time.perf_counter() - begin) * 1000
        self.log_in()
        return elapsed

    def _answers(self):
        try:
            with socket.create_connection((self.host, self.port), 5) as sock:
                sock.sendall(f"GET {self.ready_path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
                return sock.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def log_in(self):
        pass

    def stop(self):
        """SIGTERM, then SIGKILL after 20 s; -> the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def tail(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as log:
            return log.read()[-2000:]

    def _pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as file:
                        todo += map(int, file.read().split())
            except OSError:
                continue
        return found

    def cpu(self):
        """Processor seconds so far, user and system, of the whole process tree."""
        ticks = 0
        for pid in self._pids():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        """VmHWM: the most memory that was resident at once since the start or the last forget_peak."""
        total = 0
        for pid in self._pids():
            with open(f"/proc/{pid}/status") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        return total / 1024

    def forget_peak(self):
        for pid in self._pids():
            try:
                with open(f"/proc/{pid}/clear_refs", "w") as file:
                    file.write("5")
            except OSError:
                return


class DockerRegistry(Target):
    """Debian's docker-registry with the settings of its package, but no authentication and logs for errors only."""

    label = "docker-registry"

    def command(self):
        config = os.path.join(self.folder, "config.yml")
        with open(config, "w") as file:
            file.write(f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {self.folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "{self.host}:{self.port}", secret: {secrets.token_hex(16)}, headers: {{X-Content-Type-Options: [nosniff]}}}}
health: {{storagedriver: {{enabled: true, interval: 10s, threshold: 3}}}}
""")
        return ["docker-registry", "serve", config], {}


class Longshore(Target):
    """Longshore as it is shipped: authentication on, every acknowledged write synced."""

    label = "longshore"
    ready_path = "/healthz"

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.key, self.secret = "AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)

    def command(self):
        return ([LONGSHORE, "serve", "--listen", f"http://{self.host}:{self.port}", "--data", self.folder + "/data",
                 "--create-on-push"],
                {"LONGSHORE_ROOT_ACCESS_KEY_ID": self.key, "LONGSHORE_ROOT_SECRET_ACCESS_KEY": self.secret})

    def log_in(self):
        """A registry token through GetAuthorizationToken, as `aws ecr get-login-password` obtains it."""
        body = b"{}"
        headers = signed_headers(self.key, self.secret, "us-east-1", "ecr", f"{self.host}:{self.port}", body,
                                 {"content-type": "application/x-amz-json-1.1",
                                  "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"})
        request = urllib.request.Request(f"http://{self.host}:{self.port}/", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                token = json.load(answer)["authorizationData"][0]["authorizationToken"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"GetAuthorizationToken: HTTP {error.code} {error.read()[:500]!r}") from error
        if not base64.b64decode(token).startswith(b"AWS:"):
            raise RuntimeError("GetAuthorizationToken gave no Basic token for the user AWS")
        self.authorization = "Basic " + token


class Nginx(Target):
    """Not a registry: files through DAV, no digest, no sync, no access control. Shows how far the client itself can go."""

    label = "nginx"
    ready_path = "/ready"

    def command(self):
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w") as file:
            file.write(f"""daemon off; worker_processes 2; user root; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{}}
http {{
  access_log off; sendfile on; tcp_nopush on; client_max_body_size 0; keepalive_requests 100000000;
  client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy; fastcgi_temp_path {self.folder}/fcgi;
  uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi; open_file_cache max=1000;
  server {{
    listen {self.host}:{self.port}; root {self.folder}/data;
    location = /ready {{ return 200; }}
    location ~ ^/v2/(?<name>.+)/blobs/uploads/$ {{ add_header Location /v2/$name/blobs/uploads/put always; return 202; }}
    location ~ ^/v2/(?<name>.+)/blobs/uploads/put$ {{
      rewrite ^ /v2/$name/blobs/$arg_digest break; dav_methods PUT; create_full_put_path on;
    }}
    location /v2/ {{ dav_methods PUT; create_full_put_path on; }}
  }}
}}
""")
        return ["nginx", "-c", config, "-e", os.path.join(self.folder, "error.log")], {}
