//! Tidings: the product and the binary.
