//! The program as people meet it: its files, its words, its exit codes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod accounts;
mod audit;
mod build;
mod data;
mod doctor;
mod fixture;
mod graph;
mod init;
mod keys;
mod knowing;
mod manual;
mod new;
mod pasting;
mod revoke;
mod sign;
mod trust;
mod verify;
mod wit;
