#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;
use writ_manifest as manifest;
use writ_signing::revocation::{Draft, Extent, List, Subject};
use writ_signing::{PublicKey, Revocations, Role, SigningKey};

use super::*;
use crate::home;
use crate::revocations::path;

/// A home that trusts one operator, with lists.
struct World {
    home: TempDir,
    operator: SigningKey,
    watch: Watch,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let operator = SigningKey::generate(Role::Operator).unwrap();
        fs::create_dir_all(home.path().join("trust")).unwrap();
        fs::create_dir_all(home.path().join("lists")).unwrap();
        fs::write(home::trust_entry(home.path(), operator.public()), "").unwrap();
        let sources = Self::sources(home.path(), operator.public());
        let watched = Mutex::new(Watched::new(sources, Marks::default()));
        let watch = Watch(Arc::new(Shared { watched, kept: Mutex::default() }));
        let world = Self { home, operator, watch };
        world.sign(None);
        world
    }

    fn sources(home: &Path, operator: PublicKey) -> Sources {
        let (max_age, accounts) = ("1h".parse().unwrap(), manifest::AccountLists::Optional);
        let lists = manifest::Revocations::Lists { dir: "lists".to_owned(), max_age, accounts };
        Sources::new(home, [(operator, lists)].into_iter())
    }

    fn list(&self) -> PathBuf {
        path(&self.home.path().join("lists"), self.operator.public())
    }

    /// Puts the operator's next list there, which revokes this account.
    fn sign(&self, account: Option<PublicKey>) {
        let last = fs::read(self.list()).ok().map(|bytes| List::verify(&bytes, self.operator.public()).unwrap());
        let mut draft = Draft::after(last.as_ref());
        account.into_iter().for_each(|account| draft.revoke(Subject::Key(account), Extent::Total));
        fs::write(self.list(), draft.sign(&self.operator, writ_host::now()).unwrap()).unwrap();
    }

    fn begin(&self) -> Reading {
        self.watch.0.watched().begin().unwrap()
    }

    /// Why nothing new would start; the number of the operator's list where something would.
    fn says(&self, roots: &Arc<Roots>) -> String {
        let Some((_, Revocations::Lists(lists))) = roots.iter().next() else { return "not trusted".to_owned() };
        match lists.check_all(self.operator.public(), writ_host::now()) {
            Ok(()) => lists.iter().map(|list| list.number().to_string()).collect(),
            Err(error) => error.to_string().split("cannot be used: ").last().unwrap().to_owned(),
        }
    }
}

/// Nothing waits for a folder that does not answer, and after a while nothing relies on what it once held.
#[tokio::test]
async fn a_folder_that_does_not_answer() {
    let world = World::new();
    assert_eq!(world.says(&world.watch.roots()), "1");
    let hanging: Vec<_> = (0..MOST_READING).map(|_| world.begin()).collect();
    world.sign(None);
    assert_eq!(world.says(&world.watch.fresh().await), "1");
    let later = Instant::now() + SILENCE + Duration::from_secs(1);
    let known = world.watch.0.watched().known(later);
    assert_eq!(world.says(&known), format!("it cannot be read: {}", crate::revocations::SILENT));
    assert_eq!(world.says(&world.watch.fresh().await), format!("it cannot be read: {}", crate::revocations::SILENT));
    // One answers at last.
    world.watch.0.read(hanging.last().unwrap());
    drop(hanging);
    assert_eq!(world.says(&world.watch.fresh().await), "2");
}

/// Nothing is known of sources that were never read, and readings of others do not stand in their way.
#[tokio::test]
async fn other_sources_are_not_waited_for_with_the_ones_before() {
    let world = World::new();
    let operator = SigningKey::generate(Role::Operator).unwrap().public();
    fs::write(home::trust_entry(world.home.path(), operator), "").unwrap();
    let hanging: Vec<_> = (0..MOST_READING).map(|_| world.begin()).collect();
    let sources = || World::sources(world.home.path(), world.operator.public());
    world.watch.0.watched().follow(World::sources(world.home.path(), operator));
    world.watch.0.watched().follow(sources());
    let unread = world.watch.0.watched().known(Instant::now());
    assert_eq!(world.says(&unread), format!("it cannot be read: {}", crate::revocations::SILENT));
    world.watch.0.read(hanging.last().unwrap());
    assert_eq!(world.says(&world.watch.0.watched().known(Instant::now())), world.says(&unread));
    assert_eq!(world.says(&world.watch.fresh().await), "1");
}

#[test]
fn an_older_answer_replaces_no_newer_one() {
    let world = World::new();
    let slow = world.begin();
    let (stamp, read) = (slow.sources.stamp(), slow.sources.read());
    world.sign(None);
    assert_eq!(world.says(&world.watch.roots()), "2");
    world.watch.0.watched().answer(&slow, stamp, Some(read));
    assert_eq!(world.says(&world.watch.known()), "2");
}

/// Whichever was demanded when the reading began.
#[test]
fn what_was_seen_meanwhile_is_demanded() {
    let world = World::new();
    let first = fs::read(world.list()).unwrap();
    world.sign(None);
    let (one, two) = (world.begin(), world.begin());
    world.watch.0.read(&one);
    fs::write(world.list(), first).unwrap();
    world.watch.0.read(&two);
    let said = world.says(&world.watch.known());
    assert!(said.contains("number 1, and number 2 was seen here"), "{said}");
}

#[test]
fn what_could_not_be_kept_is_kept_later() {
    let world = World::new();
    let folder = world.home.path().join("data");
    world.watch.0.kept().folder = Some(folder.clone());
    world.watch.roots();
    assert!(world.watch.0.kept().failure.is_some());
    fs::create_dir(&folder).unwrap();
    world.watch.roots();
    assert_eq!(Marks::read(&folder).unwrap(), world.watch.0.watched().marks);
    assert!(world.watch.0.kept().failure.is_none());
}

/// What the system failed to read may be there at the next look, though nothing has changed.
#[test]
fn a_failure_is_no_answer_to_be_remembered() {
    let world = World::new();
    world.watch.roots();
    assert!(world.watch.0.watched().seen.stamp.is_some());
    fs::rename(world.home.path().join("lists"), world.home.path().join("away")).unwrap();
    let said = world.says(&world.watch.roots());
    assert!(said.contains("No such file or directory"), "{said}");
    assert!(world.watch.0.watched().seen.stamp.is_none());
    // What is there, and wrong, is read again when it changes.
    fs::rename(world.home.path().join("away"), world.home.path().join("lists")).unwrap();
    fs::write(world.list(), "hello").unwrap();
    world.watch.roots();
    assert!(world.watch.0.watched().seen.stamp.is_some());
}

#[test]
fn an_operator_whose_entry_is_gone_is_trusted_no_longer() {
    let world = World::new();
    assert_eq!(world.says(&world.watch.roots()), "1");
    let entry = home::trust_entry(world.home.path(), world.operator.public());
    fs::remove_file(&entry).unwrap();
    assert_eq!(world.says(&world.watch.roots()), "not trusted");
    fs::write(&entry, "").unwrap();
    assert_eq!(world.says(&world.watch.roots()), "1");
}
