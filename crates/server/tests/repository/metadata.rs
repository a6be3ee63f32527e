//! What cargo knows about the workspace, asked once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    pub workspace_members: Vec<String>,
    pub resolve: Resolve,
}

#[derive(Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub license_file: Option<String>,
    pub dependencies: Vec<Dependency>,
}

/// An edge as the manifest declares it; `kind` is null, `dev` or `build`.
#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    pub kind: Option<String>,
}

#[derive(Deserialize)]
pub struct Resolve {
    pub nodes: Vec<Node>,
}

/// An edge as it was resolved for this machine.
#[derive(Deserialize)]
pub struct Node {
    pub id: String,
    pub deps: Vec<NodeDependency>,
    pub features: Vec<String>,
}

#[derive(Deserialize)]
pub struct NodeDependency {
    pub pkg: String,
    pub dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
pub struct Kind {
    pub kind: Option<String>,
}

/// The folder with the workspace's manifest.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("it can be read")
}

/// `cargo metadata`, resolved for this machine's platform so that it needs no network.
pub fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let platform = host();
        let arguments = [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            &platform,
        ];
        serde_json::from_str(&cargo(&arguments)).expect("cargo metadata prints JSON")
    })
}

impl Metadata {
    /// The workspace's own crates.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Packages that reach the program a member becomes: no tests, no build scripts.
    pub fn shipped_with(&self, member: &str) -> Vec<&Package> {
        let packages: HashMap<&str, &Package> =
            self.packages.iter().map(|p| (p.id.as_str(), p)).collect();
        let nodes: HashMap<&str, &Node> = self
            .resolve
            .nodes
            .iter()
            .map(|n| (n.id.as_str(), n))
            .collect();
        let start = self
            .members()
            .find(|package| package.name == member)
            .expect("a member of this name");
        let mut reached = vec![start];
        let mut next = 0;
        while next < reached.len() {
            for dependency in &nodes[reached[next].id.as_str()].deps {
                let is_normal = dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
                if is_normal && !reached.iter().any(|package| package.id == dependency.pkg) {
                    reached.push(packages[dependency.pkg.as_str()]);
                }
            }
            next += 1;
        }
        reached
    }
}

fn host() -> String {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host")
        .to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}
