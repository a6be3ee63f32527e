//! Tables that a crowd has filled give their memory back when it has gone: one of which less than an eighth is in use
//! keeps twice of what is. So what is copied is little beside what was taken out since the last time.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, Hash},
};

/// What a table may hold without anything in it.
const FEW: usize = 128;

fn is_mostly_empty(used: usize, capacity: usize, few: usize) -> bool {
    capacity > few && used < capacity / 8
}

/// To be called when something was taken out of a map.
pub(crate) fn shrink<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if is_mostly_empty(map.len(), map.capacity(), FEW) {
        map.shrink_to(map.len() * 2);
    }
}

/// To be called when something was taken out of a queue.
pub(crate) fn shrink_queue<T>(queue: &mut VecDeque<T>) {
    if is_mostly_empty(queue.len(), queue.capacity(), FEW) {
        queue.shrink_to(queue.len() * 2);
    }
}

/// To be called when something was taken out of a short list, of which there are many.
pub(crate) fn shrink_vec<T>(list: &mut Vec<T>) {
    if list.is_empty() {
        *list = Vec::new();
    } else if is_mostly_empty(list.len(), list.capacity(), 8) {
        list.shrink_to(list.len() * 2);
    }
}
