//! The program as people meet it: its files, its words, its exit codes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod accounts;
mod data;
mod fixture;
mod init;
mod keys;
mod revoke;
mod sign;
mod trust;
mod verify;
