//! Opens many real connections and measures: the client of the benchmarks and soak tests.
