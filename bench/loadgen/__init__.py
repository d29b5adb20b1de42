"""The load side of bench/compare: the same client for every target."""
