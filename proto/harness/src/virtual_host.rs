//! A virtual host of one test: its own exchanges, queues and permissions on a shared node.

use crate::{api, node::ADMIN};
use std::sync::atomic::{AtomicU32, Ordering};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Exists until it is dropped.
#[derive(Debug)]
pub struct VirtualHost {
    name: String,
    management: u16,
    amqp: u16,
}

impl VirtualHost {
    pub(crate) fn create(management: u16, amqp: u16) -> Result<Self, String> {
        let name = format!("test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let host = Self { name, management, amqp };
        // one that a killed test of the same number left behind
        host.request("DELETE", &format!("/vhosts/{}", host.name), "")?;
        host.put(&format!("/vhosts/{}", host.name), "{}")?;
        host.permit(ADMIN.0, [".*", ".*", ".*"])?;
        Ok(host)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of the management API, for the user that may do everything.
    pub fn management(&self) -> String {
        format!("http://127.0.0.1:{}", self.management)
    }

    /// Its address, with the user that may do everything.
    pub fn url(&self) -> String {
        self.url_of(ADMIN.0, ADMIN.1, self.amqp)
    }

    /// Its address for another user or through another port, for example that of a proxy.
    pub fn url_of(&self, user: &str, password: &str, port: u16) -> String {
        format!("amqp://{user}:{password}@127.0.0.1:{port}/{}", self.name)
    }

    /// Makes a user who may configure, write and read what three patterns say. The user's name gets the
    /// host's as prefix, as users belong to the node; the full name is given back.
    pub fn user(&self, name: &str, password: &str, patterns: [&str; 3]) -> Result<String, String> {
        let full = format!("{}-{name}", self.name);
        self.put(&format!("/users/{full}"), &format!(r#"{{"password":"{password}","tags":""}}"#))?;
        self.permit(&full, patterns)?;
        Ok(full)
    }

    /// A request to the management interface below `/api`, that must succeed.
    pub fn put(&self, path: &str, body: &str) -> Result<(), String> {
        match self.request("PUT", path, body)? {
            (200..=299, _) => Ok(()),
            (status, body) => Err(format!("PUT {path}: {status} {body}")),
        }
    }

    /// A request to the management interface below `/api`; gives status and body.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        api::request(self.management, ADMIN, method, path, body)
    }

    fn permit(&self, user: &str, [configure, write, read]: [&str; 3]) -> Result<(), String> {
        let quoted = [configure, write, read].map(|pattern| pattern.replace('\\', "\\\\"));
        let body = format!(r#"{{"configure":"{}","write":"{}","read":"{}"}}"#, quoted[0], quoted[1], quoted[2]);
        self.put(&format!("/permissions/{}/{user}", self.name), &body)
    }
}

impl Drop for VirtualHost {
    fn drop(&mut self) {
        // a node that was killed takes its hosts along
        let _ = self.request("DELETE", &format!("/vhosts/{}", self.name), "");
    }
}
