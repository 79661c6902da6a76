"""How fast Linli is, against code written by hand for each request and against a peer: `python3 dev.py bench`."""
