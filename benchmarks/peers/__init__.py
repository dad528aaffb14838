"""The programs of ``benchmarks.programs`` in the idiom of libraries that do not speak torch."""
