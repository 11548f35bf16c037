//! Lines of JSON against the schema that is documented.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::skip::skip;

/// Prints each line of standard input that the schema does not allow, and why.
const CHECK: &str = "
import json, jsonschema, sys
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema)
for number, line in enumerate(sys.stdin, 1):
    for error in check.iter_errors(json.loads(line)):
        why = error.context and min(error.context, key=lambda e: -len(e.path)) or error
        print(f'line {number}: {why.json_path}: {why.message}: {line[:300]}')
";

/// Asserts that each line of `text` is as `docs/records.schema.json` says. Debian's Python does
/// it (`python3-jsonschema`); where it can't, that is said aloud.
pub fn assert_valid(text: &str) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("docs/records.schema.json"))
        .find(|path| path.exists())
        .expect("the schema is in the checkout");
    let python = "/usr/bin/python3";
    let able = Command::new(python)
        .args(["-c", "import jsonschema"])
        .output();
    if !able.is_ok_and(|output| output.status.success()) {
        skip("no python3-jsonschema");
        return;
    }
    let mut check = Command::new(python)
        .args(["-c", CHECK])
        .arg(schema)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = check.stdin.take().unwrap();
    let text = text.to_owned();
    // The answer may be longer than what a pipe holds.
    let feed = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = check.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    let complaints = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && complaints.is_empty(),
        "{complaints}"
    );
}
