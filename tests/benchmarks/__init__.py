"""Speed, measured: `make bench` or `make bench BENCH=chat`. One JSON object a line; see `report`."""
