//! scratch
use std::sync::Arc;
use synthfleet_proto::metadata::*;
use synthfleet_synthesizers::*;
use synthfleet_table::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&a[1]).unwrap();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
    let (mut metas, mut cols) = (vec![], vec![]);
    for (j, h) in head.iter().enumerate() {
        let cells: Vec<&str> = rows.iter().map(|r| r[j]).collect();
        if cells.iter().all(|c| c.parse::<i64>().is_ok()) {
            let mut m = ColumnMeta::plain(h, Kind::Continuous);
            if let Some(n) = &mut m.number {
                n.integer = true;
                n.decimals = Some(0);
            }
            m.storage = Storage::Int64;
            metas.push(m);
            cols.push(Column::new(Values::Whole(cells.iter().map(|c| c.parse().unwrap()).collect()), None).unwrap());
        } else {
            let mut m = ColumnMeta::plain(h, Kind::Categorical);
            let mut lv: Vec<String> = cells.iter().map(|c| c.to_string()).collect();
            lv.sort();
            lv.dedup();
            m.levels = lv.clone();
            metas.push(m);
            cols.push(
                Column::new(Values::Code(cells.iter().map(|c| lv.binary_search(&c.to_string()).unwrap() as u32).collect()), None).unwrap(),
            );
        }
    }
    let mut md = Metadata::plain("t", metas);
    md.target = Some(head[head.len() - 1].to_string());
    md.train_rows = rows.len() as u64;
    let t = Table::new(Arc::new(md), rows.len(), cols).unwrap();
    let opts: serde_json::Value = serde_json::from_str(&a[4]).unwrap();
    let budget = Budget::quiet(2);
    let s = std::time::Instant::now();
    let m = find(&a[3]).unwrap().fit_any(&t, &opts, &Seeds::of_task(0, "syn-x-r0"), &budget).unwrap();
    let f = s.elapsed().as_secs_f64();
    let s = std::time::Instant::now();
    let out = m.sample(0..rows.len() as u64, &Given::NOTHING, &budget).unwrap();
    let g = s.elapsed().as_secs_f64();
    println!("fit {f:.3} sample {g:.3} model {} bytes; {:?}", m.save().unwrap().len(), budget.take_findings());
    let mut o = head.join(",") + "\n";
    for r in 0..out.rows() {
        let c: Vec<String> = out
            .described()
            .map(|(m, c)| {
                if c.is_missing(r) {
                    String::new()
                } else {
                    match c.values() {
                        Values::Whole(v) => v[r].to_string(),
                        Values::Code(v) => m.levels[v[r] as usize].clone(),
                        Values::Real(v) => v[r].to_string(),
                        Values::Text(v) => v.get(r).to_string(),
                    }
                }
            })
            .collect();
        o += &(c.join(",") + "\n");
    }
    std::fs::write(&a[2], o).unwrap();
}
