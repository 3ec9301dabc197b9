//! Compiles `proto/aerogram/v1` without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    println!("cargo:rerun-if-changed={root}");
    let files =
        ["event", "subscription", "delivery", "task"].map(|name| format!("{root}/aerogram/v1/{name}.proto"));
    let descriptors = protox::compile(files, [root])?;
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
