//! The application of this folder: its components' signatures, its addresses, and the folder of its data.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Result, anyhow};
use writ_manifest::{Application, MAX_BYTES};

use super::{Check, machine, project};
use crate::home::Home;
use crate::project::Project;
use crate::settings::Settings;
use crate::{application, files};

/// An `app.yaml`, read.
pub(super) struct Manifest(Application);

impl Manifest {
    /// The one here, if there is one. One that cannot be read is a finding.
    pub(super) fn open(checks: &mut Vec<Check>) -> Option<Self> {
        let path = Path::new(NAME);
        if !path.exists() {
            return None;
        }
        let read = files::read_text(path, MAX_BYTES);
        let read = read.and_then(|text| Application::parse(&text).map_err(|error| anyhow!("{NAME}:{error}")));
        read.map(Self).map_err(|error| checks.push(Check::unreadable(NAME, path, &error))).ok()
    }

    /// The application's name, which its data are kept under.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn checks(&self, project: Option<&Project>, settings: &Settings, home: &Home) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for component in &self.0.components {
            let Some(image) = component.image() else { continue };
            let Ok(path) = application::image_path(Path::new(""), image) else { continue };
            // The project's own was looked at already.
            if project.is_none_or(|project| project.file().build.is_none() || project.signed() != path) {
                checks.push(project::signed(&path, project::again(&path), home)?);
            }
        }
        let running = machine::in_use(&settings.data.join(self.name()));
        checks.extend(self.addresses().iter().map(|address| listen(address, running)));
        Ok(checks)
    }

    /// Where its routes listen.
    fn addresses(&self) -> BTreeSet<&str> {
        let routes = self.0.links.iter().filter(|link| link.interfaces.iter().any(|name| name == "incoming-handler"));
        routes.filter_map(|link| link.source_config.get("address")).map(String::as_str).collect()
    }
}

/// Whether an address is free.
fn listen(address: &str, running: bool) -> Check {
    match TcpListener::bind(address) {
        Ok(_) => Check::good(address, "can be listened on"),
        Err(error) if error.kind() == ErrorKind::AddrInUse && running => {
            Check::good(address, "in use, as the application's data folder is: it seems to run")
        }
        Err(error) => Check::broken(address, format!("cannot be listened on: {error}"))
            .fix(format!("writ up {NAME} --listen 127.0.0.1:0")),
    }
}

/// What the manifest of a project is called.
const NAME: &str = "app.yaml";
