//! The program as people meet it: its files, its words, its exit codes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod build;
mod data;
mod fixture;
mod init;
mod keys;
mod new;
mod sign;
mod trust;
mod verify;
