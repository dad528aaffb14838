"""The programs in the idiom of libraries that do not speak torch; names and sizes are those of ``benchmarks.programs``."""
