"""The tests: they mirror the package, beside `stories/` (whole visits), `races/`, `hosts/` and `packaging/`."""
