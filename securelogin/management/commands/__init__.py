"""Each file is one command, thin over a verb of ``services``."""
