"""Parts of the benchmarks: statistics, tables, the document."""
