//! Makes the web app's empty build folder, so that the server compiles before the web app was ever built.

fn main() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/build");
    println!("cargo:rerun-if-changed=build.rs");
    // A release holds the files; a debug build reads them from the folder and need not be built again.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    if let Err(error) = std::fs::create_dir_all(&folder) {
        println!("cargo:warning={} cannot be made: {error}", folder.display());
    }
}
