//! The models that this process has open, by key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::errors::Result;
use crate::model::Model;

/// The number of models that stay open; beyond it the least recently used one is closed.
const KEPT: usize = 256;

type Slot = Arc<Mutex<Option<Arc<Model>>>>;

struct Opened {
    slots: HashMap<String, (u64, Slot)>,
    asked: u64,
}

static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

/// Return the model of a key. `find` returns its bytes if it isn't open yet.
///
/// Threads that need the same model at once wait until the first of them has opened it.
pub fn opened(key: &str, find: impl FnOnce() -> Result<Arc<[u8]>>) -> Result<Arc<Model>> {
    let slot = slot(key);
    let mut model = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = model.as_ref() {
        return Ok(Arc::clone(model));
    }
    let opened = Arc::new(Model::open(key, &find()?)?);
    *model = Some(Arc::clone(&opened));
    Ok(opened)
}

fn slot(key: &str) -> Slot {
    let mut guard = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let opened = guard.get_or_insert_with(|| Opened {
        slots: HashMap::new(),
        asked: 0,
    });
    opened.asked += 1;
    let asked = opened.asked;
    let (last, slot) = opened
        .slots
        .entry(key.to_owned())
        .or_insert_with(|| (asked, Slot::default()));
    *last = asked;
    let slot = Arc::clone(slot);
    if opened.slots.len() > KEPT {
        let oldest = opened
            .slots
            .iter()
            .min_by_key(|(_, (last, _))| *last)
            .map(|(key, _)| key.clone());
        oldest.and_then(|key| opened.slots.remove(&key));
    }
    slot
}
