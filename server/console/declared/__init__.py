"""The console's pages, declared, one file a part of the work."""
