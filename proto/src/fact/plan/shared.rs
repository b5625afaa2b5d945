//! Groups of one plan as they are read: what is equal in many of them is held once.

use super::Group;
use crate::task::{TaskId, TaskKind};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reads groups.
pub fn groups<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Group>, D::Error> {
    let mut groups = Vec::<Group>::deserialize(from)?;
    let (mut options, mut needs) = (BTreeMap::<(TaskKind, String), Vec<Arc<Value>>>::new(), BTreeSet::<TaskId>::new());
    for group in &mut groups {
        let known = options.entry((group.kind, group.name.clone())).or_default();
        match known.iter().find(|known| **known == group.options) {
            Some(known) => group.options = Arc::clone(known),
            None => known.push(Arc::clone(&group.options)),
        }
        for need in &mut group.needs {
            match needs.get(need) {
                Some(known) => *need = known.clone(),
                None => _ = needs.insert(need.clone()),
            }
        }
        // it was read piece by piece into more room than it takes
        group.needs.shrink_to_fit();
    }
    groups.shrink_to_fit();
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::PlanFact;
    use serde_json::json;

    #[test]
    fn equal_options_of_one_member_are_held_once() {
        let group = |name: &str, repeat: u32, bins: u32| {
            json!({
                "group": format!("syn-{name}-r{repeat}"), "kind": "synthesize", "name": name, "candidate": name, "repeat": repeat,
                "count": 1, "needs": ["profile"], "options": {"bins": bins}, "rows": 1, "task_seconds": 1.0, "memory_bytes": 1,
                "cost": "light", "checkpoint": false,
            })
        };
        let groups = [group("a", 0, 5), group("a", 1, 5), group("a", 2, 6), group("b", 0, 5)];
        let plan = json!({"v": 1, "plan": 1, "inputs": {"spec_sha256": ""}, "members": [], "groups": groups, "skipped": []});
        let plan: PlanFact = serde_json::from_value(plan).expect("a plan");
        let are_one = |one: usize, other: usize| Arc::ptr_eq(&plan.groups[one].options, &plan.groups[other].options);
        assert!(are_one(0, 1) && !are_one(0, 2) && !are_one(0, 3));
        assert_eq!(plan.groups[2].options["bins"], 6);
    }
}
