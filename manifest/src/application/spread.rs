//! How instances are spread.
