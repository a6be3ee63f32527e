//! One server on one file, by whatever name it comes.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use store::{OpenError, Options, Store, system_clock};
use tokio::sync::mpsc;

fn open(path: &Path) -> Result<Store, OpenError> {
    let (to, _) = mpsc::channel(8);
    Store::open(path, &Options::default(), system_clock(), to)
}

/// The same file, from the working folder.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap();
    let up = here.components().skip(1).map(|_| "..");
    up.collect::<PathBuf>()
        .join(path.strip_prefix("/").unwrap())
}

#[tokio::test]
async fn a_second_server_is_refused_by_whatever_path_it_comes() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let path = root.join("data/t.db");
    let server = open(&path).unwrap();
    symlink(&path, root.join("alias.db")).unwrap();
    symlink(root.join("alias.db"), root.join("alias-of-alias.db")).unwrap();
    symlink(root.join("data"), root.join("folder")).unwrap();
    let paths = [
        root.join("alias.db"),
        root.join("alias-of-alias.db"),
        root.join("folder/t.db"),
        root.join("folder/../data/./t.db"),
        relative(&path),
        relative(&root.join("folder/t.db")),
    ];
    for other in &paths {
        let refused = open(other).err().unwrap();
        let pid = std::process::id().to_string();
        assert!(
            matches!(&refused, OpenError::InUse { pid: of, .. } if *of == pid),
            "{}: {refused}",
            other.display()
        );
        // A tool may work beside it, on the same log.
        Store::open_beside(other, &Options::default(), system_clock()).unwrap();
    }
    server.close().await;
    for other in &paths {
        let server = open(other).unwrap();
        assert_eq!(server.path(), path);
        server.close().await;
    }
}

#[tokio::test]
async fn a_link_to_where_no_file_is_yet_makes_one_there() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap().join("t.db");
    let link = root.path().join("link.db");
    symlink(&path, &link).unwrap();
    let server = open(&link).unwrap();
    assert!(matches!(open(&path), Err(OpenError::InUse { .. })));
    server.close().await;
}

#[tokio::test]
async fn a_file_with_a_second_name_is_refused_and_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let (path, other) = (root.path().join("t.db"), root.path().join("other.db"));
    let server = open(&path).unwrap();
    std::fs::hard_link(&path, &other).unwrap();
    for name in [&other, &path] {
        let refused = Store::open_beside(name, &Options::default(), system_clock());
        let refused = refused.err().unwrap();
        assert!(matches!(refused, OpenError::HardLinked { names: 2, .. }));
        assert!(refused.to_string().contains("remove all but this one"));
    }
    assert!(matches!(open(&other), Err(OpenError::HardLinked { .. })));
    server.close().await;
    std::fs::remove_file(&other).unwrap();
    open(&path).unwrap().close().await;
}
