"""The commands of ``refgrad``, one a module, each loading what it needs when it runs."""
