//! The file goes, and comes back as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::log::{Entry, all, batch, dismissed, escalated, open, options, position, redelivered};
use aerogram_projection::{Options, Projection, ProjectionError};

fn log() -> Vec<Entry> {
    let mut entries: Vec<Entry> = (1..=200).map(escalated).collect();
    entries.extend([dismissed(4, "a"), redelivered(5), dismissed(5, "too late"), dismissed(250, "nobody")]);
    entries
}

async fn filled(path: &Path) -> Projection {
    let projection = open(path).await;
    projection.apply(batch(0, &log())).await.unwrap();
    projection
}

#[tokio::test]
async fn deleted_while_stopped_it_comes_back_equal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deeper/p.sqlite");
    let projection = filled(&path).await;
    let before = (all(&projection).await, position(&projection).await);
    assert_eq!((before.0.len(), before.1), (200, Some(204)));
    projection.close().await.unwrap();
    fs::remove_file(&path).unwrap();
    let anew = open(&path).await;
    assert_eq!((all(&anew).await.len(), position(&anew).await), (0, None));
    // In other pieces than before.
    for (at, entries) in (0..).step_by(7).zip(log().chunks(7)) {
        anew.apply(batch(at, entries)).await.unwrap();
    }
    assert_eq!((all(&anew).await, position(&anew).await), before);
}

/// Somebody tidies up `/tmp`.
#[tokio::test]
async fn deleted_while_it_is_used_it_goes_on_and_is_made_anew_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = filled(&path).await;
    let rows = all(&projection).await.len();
    for file in fs::read_dir(dir.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    // More than there are connections, so each of them is asked.
    let reads: Vec<_> = (0..32)
        .map(|_| {
            let projection = projection.clone();
            tokio::spawn(async move { all(&projection).await.len() })
        })
        .collect();
    for read in reads {
        assert_eq!(read.await.unwrap(), rows);
    }
    projection.apply(batch(204, &[escalated(250)])).await.unwrap();
    for _ in 0..32 {
        assert_eq!((all(&projection).await.len(), position(&projection).await), (rows + 1, Some(205)));
    }
    projection.close().await.unwrap();
    let anew = open(&path).await;
    assert_eq!((all(&anew).await.len(), position(&anew).await), (0, None));
}

#[tokio::test]
async fn what_fails_to_be_written_changes_nothing_and_may_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = open(&path).await;
    projection.apply(batch(0, &[escalated(1)])).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    let failing = "CREATE TRIGGER failing BEFORE UPDATE ON positions BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(failing).unwrap();
    for _ in 0..3 {
        let failed = projection.apply(batch(1, &[escalated(2)])).await.err().unwrap();
        assert!(matches!(failed, ProjectionError::Sqlite { .. }), "{failed}");
        assert_eq!((all(&projection).await.len(), position(&projection).await), (1, Some(1)));
    }
    other.execute_batch("DROP TRIGGER failing").unwrap();
    projection.apply(batch(1, &[escalated(2)])).await.unwrap();
    assert_eq!((all(&projection).await.len(), position(&projection).await), (2, Some(2)));
}

#[tokio::test]
async fn nobody_else_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let modes = || -> Vec<(String, u32)> {
        let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap());
        let mode = |file: &fs::DirEntry| file.metadata().unwrap().permissions().mode() & 0o777;
        files.map(|file| (file.file_name().to_string_lossy().into_owned(), mode(&file))).collect()
    };
    let path = dir.path().join("p.sqlite");
    let projection = filled(&path).await;
    let made = modes();
    assert!(made.len() == 4 && made.iter().all(|(_, mode)| *mode == 0o600), "{made:?}");
    projection.close().await.unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _again = open(&path).await;
    assert!(modes().iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes());
}

#[tokio::test]
async fn before_it_is_open_and_after_it_is_closed_it_answers_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = Projection::new(options(&path));
    let refused = projection.apply(batch(0, &[escalated(1)])).await;
    assert!(matches!(refused, Err(ProjectionError::NotOpen)) && !path.exists(), "{refused:?}");
    // What hinders it may pass.
    fs::create_dir(&path).unwrap();
    assert!(projection.start().await.is_err());
    fs::remove_dir(&path).unwrap();
    let (started, clone) = tokio::join!(projection.start(), projection.started());
    assert!(started.is_ok() && clone.is_ok() && projection.start().await.is_ok());
    projection.apply(batch(0, &[escalated(1)])).await.unwrap();
    projection.clone().close().await.unwrap();
    assert!(matches!(projection.start().await, Err(ProjectionError::Closed)));
    assert!(matches!(projection.started().await, Err(ProjectionError::Closed)));
    assert_eq!(all(&open(&path).await).await.len(), 1);
}

#[tokio::test]
async fn left_without_being_closed_it_is_let_go_of_soon() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    drop(filled(&path).await);
    let again = loop {
        match Projection::open(options(&path)).await {
            Ok(again) => break again,
            Err(ProjectionError::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(all(&again).await.len(), 200);
}

#[tokio::test]
async fn of_other_topics_it_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    filled(&path).await.close().await.unwrap();
    let other = Options { layout_id: "other".to_owned(), ..options(&path) };
    let projection = Projection::open(other).await.unwrap();
    assert_eq!((all(&projection).await.len(), position(&projection).await), (0, None));
}

#[tokio::test]
async fn of_another_version_it_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    filled(&path).await.close().await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let projection = open(&path).await;
    assert_eq!((all(&projection).await.len(), position(&projection).await), (0, None));
}

#[tokio::test]
async fn damaged_it_is_made_anew_and_what_may_not_be_ours_is_kept_beside() {
    let dir = tempfile::tempdir().unwrap();
    let (path, aside) = (dir.path().join("p.sqlite"), dir.path().join("p.sqlite.damaged"));
    filled(&path).await.close().await.unwrap();
    let whole = fs::read(&path).unwrap();
    let hole = [&whole[..8_192], &vec![0xaa; 8_192], &whole[16_384..]].concat();
    let cut = whole[..whole.len() / 2].to_vec();
    let other = b"not a database at all, whatever it was".to_vec();
    for (damaged, is_kept) in [(hole, false), (cut, false), (other, true), (vec![0xff; 4_096], true)] {
        fs::write(&path, &damaged).unwrap();
        let projection = filled(&path).await;
        assert_eq!((all(&projection).await.len(), position(&projection).await), (200, Some(204)));
        assert_eq!(fs::read(&aside).ok(), is_kept.then_some(damaged));
        projection.close().await.unwrap();
        if is_kept {
            fs::remove_file(&aside).unwrap();
        }
    }
    open(&path).await.close().await.unwrap();
    assert!(!aside.exists(), "a whole file is used as it is");
}

#[tokio::test]
async fn somebody_elses_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("theirs.sqlite");
    let theirs = rusqlite::Connection::open(&path).unwrap();
    theirs.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7);").unwrap();
    drop(theirs);
    let before = fs::read(&path).unwrap();
    let refused = Projection::open(options(&path)).await.err().unwrap();
    assert!(matches!(refused, ProjectionError::NotOurs { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn one_process_at_a_time_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let held = filled(&path).await;
    let refused = Projection::open(options(&path)).await.err().unwrap();
    assert!(matches!(refused, ProjectionError::InUse { .. }), "{refused}");
    held.close().await.unwrap();
    assert_eq!(all(&open(&path).await).await.len(), 200);
}

#[tokio::test]
async fn a_file_of_its_own_is_gone_when_it_is_closed() {
    let before = temporary();
    let options = Options { path: None, ..options(Path::new("unused")) };
    let projection = Projection::open(options).await.unwrap();
    projection.apply(batch(0, &log())).await.unwrap();
    assert_eq!(all(&projection).await.len(), 200);
    let made: Vec<_> = temporary().into_iter().filter(|path| !before.contains(path)).collect();
    assert!(!made.is_empty());
    projection.close().await.unwrap();
    assert!(made.iter().any(|path| !path.exists()), "{made:?}");
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_by_the_next() {
    let make = |name: &str| {
        let dir =
            std::env::temp_dir().join(format!("aerogram-projection-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let lock = fs::File::create(dir.join("projection.sqlite.lock")).unwrap();
        fs::write(dir.join("projection.sqlite"), b"rows").unwrap();
        let an_hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
        fs::File::open(&dir).unwrap().set_modified(an_hour_ago).unwrap();
        (dir, lock)
    };
    let (left, lock) = make("left");
    drop(lock);
    let (held, lock) = make("held");
    lock.try_lock().unwrap();
    let fresh = tempfile::Builder::new().prefix("aerogram-projection-test-").tempdir().unwrap();
    let projection = Projection::open(Options { path: None, ..options(Path::new("unused")) }).await.unwrap();
    projection.close().await.unwrap();
    assert!(!left.exists() && held.exists() && fresh.path().exists());
    fs::remove_dir_all(held).unwrap();
}

/// Directories of such files; other processes have theirs among them.
fn temporary() -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.path());
    let ours = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("aerogram-projection-"))
    };
    entries.filter(ours).collect()
}
