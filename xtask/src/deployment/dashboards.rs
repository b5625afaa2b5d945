//! The three dashboards, as tables of panels; their JSON is generated, so that a metric's new name is a line here.

use serde_json::{Value, json};

/// A dashboard.
pub struct Dashboard {
    /// Its file's name, and the end of its address.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Rows of panels.
    pub rows: &'static [(&'static str, &'static [Panel])],
}

/// A panel: title, unit, and each question with the legend of its answers.
pub struct Panel(pub &'static str, pub &'static str, pub &'static [(&'static str, &'static str)]);

/// All dashboards.
pub const ALL: [Dashboard; 3] = [super::panels::FLEET, super::panels::MEMBERS, super::panels::GROUNDS];

impl Dashboard {
    /// As Grafana reads it.
    pub fn json(&self) -> Value {
        let (mut panels, mut top) = (Vec::new(), 0);
        for (row, own) in self.rows {
            panels.push(json!({"type": "row", "title": row, "collapsed": false, "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
                "id": panels.len() + 1, "panels": []}));
            top += 1;
            for (place, panel) in own.iter().enumerate() {
                panels.push(panel.json(panels.len() + 1, (place % 3) * 8, top + (place / 3) * 8));
            }
            top += own.len().div_ceil(3) * 8;
        }
        json!({
            "uid": format!("synthfleet-{}", self.name), "title": self.title, "tags": ["synthfleet"], "editable": true,
            "schemaVersion": 39, "version": 1, "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "",
            "templating": {"list": [{"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus",
                "current": {}, "hide": 0, "includeAll": false, "multi": false, "options": [], "refresh": 1}]},
            "annotations": {"list": []}, "links": [], "panels": panels,
        })
    }

    /// Every question that it asks.
    pub fn questions(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().flat_map(|(_, panels)| panels.iter()).flat_map(|panel| panel.2.iter()).map(|(question, _)| *question)
    }
}

impl Panel {
    fn json(&self, id: usize, x: usize, y: usize) -> Value {
        let Self(title, unit, questions) = self;
        let source = json!({"type": "prometheus", "uid": "${source}"});
        let targets: Vec<Value> = questions
            .iter()
            .zip("ABCDEFGH".chars())
            .map(|((question, legend), letter)| {
                json!({"refId": letter.to_string(), "expr": question, "legendFormat": legend, "datasource": source, "range": true})
            })
            .collect();
        json!({
            "id": id, "type": "timeseries", "title": title, "datasource": source, "targets": targets,
            "gridPos": {"x": x, "y": y, "w": 8, "h": 8},
            // a count without any event is 0, not "no data"
            "fieldConfig": {"defaults": {"unit": unit, "min": 0, "noValue": "0", "custom": {"fillOpacity": 10, "showPoints": "never"}},
                "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"}},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_have_numbers_of_their_own_and_do_not_lie_on_each_other() {
        for dashboard in ALL {
            let json = dashboard.json();
            let panels = json["panels"].as_array().expect("a list");
            let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].to_string()).collect();
            let mut places: Vec<_> = panels.iter().map(|panel| format!("{} {}", panel["gridPos"]["x"], panel["gridPos"]["y"])).collect();
            for list in [&mut ids, &mut places] {
                let count = list.len();
                list.sort_unstable();
                list.dedup();
                assert_eq!(list.len(), count, "{}", dashboard.name);
            }
        }
    }
}
