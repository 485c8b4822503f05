//! `wasi:filesystem` as wasmtime-wasi has it, with what it leaves open closed.
//!
//! wasmtime-wasi resolves every path below the folder it was opened from (`openat2` with `RESOLVE_BENEATH`, or step by step
//! where the kernel lacks it) and does what may block on threads of their own. Besides, here:
//!
//! | what | why |
//! |---|---|
//! | every function ends by the store's deadline | epochs do not reach a guest that waits for a disk |
//! | only files and folders are opened | a pipe that nobody writes to would hold one of the host's threads |
//! | at most [`FILES`] files and streams are open in one store | each is one of the process's descriptors, which all share |
//! | a folder is listed up to [`ENTRIES`] names, and [`LISTINGS`] at a time | a listing is read whole, into the host's memory |

use std::any::Any;
use std::fs::File;
use std::sync::Arc;

use rustix::fs::Dir;
use tokio::task::spawn_blocking;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator};
use writ_provider::wasmtime::component::{HasData, Resource};
use writ_provider::wasmtime::{self, Result};
use writ_provider::{Deadline, Find, Instance};

use types::{DescriptorType, ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream};

/// The store's files, and when its call ends.
pub(crate) struct Bounded<'a> {
    view: WasiFilesystemCtxView<'a>,
    deadline: Deadline,
}

/// Says to wasmtime that `wasi:filesystem` works on [`Bounded`].
pub(crate) struct Files;

impl HasData for Files {
    type Data<'a> = Bounded<'a>;
}

impl Find for Files {
    fn find(instance: &mut Instance, principal: usize) -> Bounded<'_> {
        let deadline = instance.deadline();
        let view = instance.wasi(principal);
        Bounded { view: WasiFilesystemCtxView { ctx: view.ctx.filesystem(), table: view.table }, deadline }
    }
}

impl preopens::Host for Bounded<'_> {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        preopens::Host::get_directories(&mut self.view)
    }
}

impl types::Host for Bounded<'_> {
    fn convert_error_code(&mut self, error: FsError) -> Result<ErrorCode> {
        types::Host::convert_error_code(&mut self.view, error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> Result<Option<ErrorCode>> {
        types::Host::filesystem_error_code(&mut self.view, error)
    }
}

/// Awaits what works on a file, at most until the deadline.
async fn bound<T>(deadline: Deadline, work: impl Future<Output = FsResult<T>>) -> FsResult<T> {
    deadline.bound(work).await.map_err(FsError::trap)?
}

/// Functions that do no more than end by the deadline.
macro_rules! bounded {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        async fn $name(&mut self, $($argument: $type),*) -> FsResult<$result> {
            bound(self.deadline, HostDescriptor::$name(&mut self.view, $($argument),*)).await
        }
    )*};
}

type Handle = Resource<Descriptor>;

impl HostDescriptor for Bounded<'_> {
    bounded! {
        fn advise(fd: Handle, offset: Filesize, length: Filesize, advice: types::Advice) -> ();
        fn sync_data(fd: Handle) -> ();
        fn get_flags(fd: Handle) -> types::DescriptorFlags;
        fn get_type(fd: Handle) -> DescriptorType;
        fn set_size(fd: Handle, size: Filesize) -> ();
        fn set_times(fd: Handle, accessed: types::NewTimestamp, modified: types::NewTimestamp) -> ();
        fn read(fd: Handle, length: Filesize, offset: Filesize) -> (Vec<u8>, bool);
        fn write(fd: Handle, bytes: Vec<u8>, offset: Filesize) -> Filesize;
        fn sync(fd: Handle) -> ();
        fn create_directory_at(fd: Handle, path: String) -> ();
        fn stat(fd: Handle) -> types::DescriptorStat;
        fn stat_at(fd: Handle, flags: types::PathFlags, path: String) -> types::DescriptorStat;
        fn set_times_at(
            fd: Handle,
            flags: types::PathFlags,
            path: String,
            accessed: types::NewTimestamp,
            modified: types::NewTimestamp
        ) -> ();
        fn link_at(fd: Handle, flags: types::PathFlags, old: String, new_fd: Handle, new: String) -> ();
        fn readlink_at(fd: Handle, path: String) -> String;
        fn remove_directory_at(fd: Handle, path: String) -> ();
        fn rename_at(fd: Handle, old: String, new_fd: Handle, new: String) -> ();
        fn symlink_at(fd: Handle, target: String, path: String) -> ();
        fn unlink_file_at(fd: Handle, path: String) -> ();
        fn metadata_hash(fd: Handle) -> types::MetadataHashValue;
        fn metadata_hash_at(fd: Handle, flags: types::PathFlags, path: String) -> types::MetadataHashValue;
    }

    async fn open_at(
        &mut self,
        fd: Handle,
        flags: types::PathFlags,
        path: String,
        how: types::OpenFlags,
        what: types::DescriptorFlags,
    ) -> FsResult<Handle> {
        if self.count(|entry| entry.is::<Descriptor>() || is_stream(entry)) >= FILES {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let folder = Resource::new_borrow(fd.rep());
        // What is not there is for opening it to say, or to make. Opening says of a link that is not followed what it is.
        if let Ok(found) = self.stat_at(folder, flags, path.clone()).await {
            let kinds = [DescriptorType::RegularFile, DescriptorType::Directory, DescriptorType::SymbolicLink];
            if !kinds.contains(&found.type_) {
                return Err(ErrorCode::NotPermitted.into());
            }
        }
        bound(self.deadline, HostDescriptor::open_at(&mut self.view, fd, flags, path, how, what)).await
    }

    async fn read_directory(&mut self, fd: Handle) -> FsResult<Resource<ReaddirIterator>> {
        let folder = match self.view.table.get(&fd)? {
            Descriptor::Dir(folder) => folder.dir.clone(),
            Descriptor::File(_) => return Err(ErrorCode::NotDirectory.into()),
        };
        let few = async { spawn_blocking(move || has_few_entries(&folder)).await.map_err(FsError::trap) };
        let listings = self.count(|entry| entry.is::<ReaddirIterator>());
        if listings >= LISTINGS || !bound(self.deadline, few).await? {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        bound(self.deadline, HostDescriptor::read_directory(&mut self.view, fd)).await
    }

    async fn is_same_object(&mut self, one: Handle, other: Handle) -> Result<bool> {
        self.deadline.bound(HostDescriptor::is_same_object(&mut self.view, one, other)).await?
    }

    fn read_via_stream(&mut self, fd: Handle, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        HostDescriptor::read_via_stream(&mut self.view, fd, offset)
    }

    fn write_via_stream(&mut self, fd: Handle, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        HostDescriptor::write_via_stream(&mut self.view, fd, offset)
    }

    fn append_via_stream(&mut self, fd: Handle) -> FsResult<Resource<DynOutputStream>> {
        HostDescriptor::append_via_stream(&mut self.view, fd)
    }

    fn drop(&mut self, fd: Handle) -> Result<()> {
        HostDescriptor::drop(&mut self.view, fd)
    }
}

impl HostDirectoryEntryStream for Bounded<'_> {
    async fn read_directory_entry(
        &mut self,
        listing: Resource<ReaddirIterator>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        HostDirectoryEntryStream::read_directory_entry(&mut self.view, listing).await
    }

    fn drop(&mut self, listing: Resource<ReaddirIterator>) -> Result<()> {
        HostDirectoryEntryStream::drop(&mut self.view, listing)
    }
}

impl Bounded<'_> {
    /// How many of the store's resources are such.
    fn count(&mut self, is_such: impl Fn(&(dyn Any + Send)) -> bool) -> usize {
        self.view.table.iter_mut().filter(|entry| is_such(&**entry)).count()
    }
}

/// A file's stream keeps it open, and cannot be told from another.
fn is_stream(entry: &(dyn Any + Send)) -> bool {
    entry.is::<DynInputStream>() || entry.is::<DynOutputStream>()
}

/// Whether a folder can be listed. One that cannot be read is left to the listing, which says why.
fn has_few_entries(folder: &Arc<File>) -> bool {
    // `.` and `..` are no names in it.
    let most = ENTRIES.saturating_add(2);
    Dir::read_from(folder).map_or(true, |entries| entries.take(most.saturating_add(1)).count() <= most)
}

/// Files and streams that one store has open.
const FILES: usize = 128;
/// Names in one folder that is listed.
const ENTRIES: usize = 20_000;
/// Folders that one call lists at the same time.
const LISTINGS: usize = 16;
