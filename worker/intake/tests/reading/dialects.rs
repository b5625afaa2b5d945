//! Tables written in random dialects come back exactly.

use super::support::{lenient, read};
use rand_chacha::ChaCha8Rng;
use synthfleet_proto::Seed;
use synthfleet_table::random::{Draw, SeedExt};

/// A way to write a table.
#[derive(Debug)]
struct Written {
    delimiter: char,
    quote: Option<char>,
    escape: Option<char>,
    all_quoted: bool,
    line_end: &'static str,
    space: bool,
    header: bool,
    final_line_end: bool,
    bom: bool,
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.below(from.len() as u64) as usize]
}

fn dialect(rng: &mut ChaCha8Rng) -> Written {
    let quote = pick(rng, &[Some('"'), Some('"'), Some('"'), Some('\''), None]);
    let delimiter = pick(rng, &[',', ',', ';', ';', '\t', '\t', '|', '^', '~', ':']);
    Written {
        delimiter,
        quote,
        escape: if quote.is_some() { pick(rng, &[None, None, Some('\\')]) } else { None },
        all_quoted: quote.is_some() && rng.below(3) == 0,
        line_end: pick(rng, &["\n", "\n", "\r\n", "\r"]),
        space: delimiter == ',' && rng.below(5) == 0,
        header: rng.below(4) > 0,
        final_line_end: rng.below(4) > 0,
        bom: rng.below(5) == 0,
    }
}

fn table(rng: &mut ChaCha8Rng, dialect: &Written) -> (Vec<String>, Vec<Vec<String>>) {
    let names = ["id", "score", "born", "town", "note", "flag"];
    let rows = 30 + rng.below(60) as usize;
    let mut notes =
        vec!["plain words".to_owned(), "two  blanks".to_owned(), "O'Brien".to_owned(), "grün".to_owned(), String::new(), "a-b".to_owned()];
    if let Some(quote) = dialect.quote {
        notes.push(format!("a{}b", dialect.delimiter));
        notes.push(format!("said {quote}no{quote}"));
        notes.push("two\nlines".to_owned());
        notes.push(format!("{quote}"));
    }
    let body = (0..rows).map(|row| {
        let score = if rng.below(10) == 0 { String::new() } else { format!("{}.{:02}", rng.below(500), rng.below(100)) };
        vec![
            format!("{}", 1_000 + row),
            score,
            format!("{:04}-{:02}-{:02}", 1950 + rng.below(60), 1 + rng.below(12), 1 + rng.below(28)),
            pick(rng, &["Ulm", "Bern", "Graz"]).to_owned(),
            notes[rng.below(notes.len() as u64) as usize].clone(),
            pick(rng, &["yes", "no"]).to_owned(),
        ]
    });
    let body = body.collect();
    (names.iter().map(|&name| name.to_owned()).collect(), body)
}

fn write(dialect: &Written, header: &[String], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    if dialect.bom {
        out.push('\u{feff}');
    }
    let lines = dialect.header.then(|| header.to_vec()).into_iter().chain(rows.iter().cloned());
    let lines: Vec<String> = lines
        .map(|row| {
            let joint = if dialect.space { format!("{} ", dialect.delimiter) } else { dialect.delimiter.to_string() };
            row.iter().map(|cell| field(dialect, cell)).collect::<Vec<_>>().join(&joint)
        })
        .collect();
    out.push_str(&lines.join(dialect.line_end));
    if dialect.final_line_end {
        out.push_str(dialect.line_end);
    }
    out
}

fn field(dialect: &Written, cell: &str) -> String {
    let Some(quote) = dialect.quote else { return cell.to_owned() };
    let needs = dialect.all_quoted
        || cell.chars().any(|one| one == dialect.delimiter || one == quote || matches!(one, '\n' | '\r') || Some(one) == dialect.escape);
    if !needs {
        return cell.to_owned();
    }
    let mark = dialect.escape.unwrap_or(quote);
    let inner: String = cell
        .chars()
        .flat_map(|one| {
            [(one == quote || Some(one) == dialect.escape).then_some(mark), Some(one)].into_iter().flatten().collect::<Vec<_>>()
        })
        .collect();
    format!("{quote}{inner}{quote}")
}

#[test]
fn tables_in_200_random_dialects_read_back_exactly() {
    let mut failures = Vec::new();
    for number in 0..200 {
        let mut rng = Seed::of_task(7, "dialects").index(number).rng();
        let dialect = dialect(&mut rng);
        let (header, rows) = table(&mut rng, &dialect);
        let text = write(&dialect, &header, &rows);
        let found = match read(text.clone(), &lenient()) {
            Ok(found) => found,
            Err(error) => {
                failures.push(format!("{number} {dialect:?}: {error}\n{}", text.chars().take(300).collect::<String>()));
                continue;
            }
        };
        let headers: Vec<String> = found.layout.columns.iter().map(|column| column.header.clone()).collect();
        let read = &found.layout.dialect;
        let same = found.rows == rows
            && read.delimiter == dialect.delimiter
            && read.header == dialect.header
            && (!dialect.header || headers == header)
            && read.line_end == dialect.line_end
            && read.bom == dialect.bom
            && read.skip_initial_space == dialect.space
            && found.accounting.final_line_end == dialect.final_line_end;
        if !same {
            failures.push(format!("{number} {dialect:?}\n  read as {read:?}\n{}", text.chars().take(300).collect::<String>()));
        }
    }
    assert!(failures.is_empty(), "{} of 200 differ:\n{}", failures.len(), failures.join("\n"));
}

/// Small files as they occur, with the delimiter and the number of columns and rows that a person sees.
const FILES: &[(&str, char, usize, usize)] = &[
    ("a,b,c\n1,2,3\n4,5,6\n7,8,9\n", ',', 3, 3),
    ("a;b;c\n1,5;2,5;3\n4,25;5;6\n7;8;9,75\n", ';', 3, 3),
    ("a\tb\n1\t2\n3\t4\n", '\t', 2, 2),
    ("a|b|c\nx|1|y\nz|2|w\n", '|', 3, 2),
    ("a b c\n1 2 3\n4 5 6\n7 8 9\n", ' ', 3, 3),
    ("root:x:0:0\nbin:x:1:1\nsys:x:2:2\n", ':', 4, 3),
    ("a^b\n1^2\n3^4\n", '^', 2, 2),
    ("a~b~c\n1~2~3\n4~5~6\n", '~', 3, 2),
    ("name,when\nx,2020-01-01 10:00:00\ny,2020-01-02 11:30:00\nz,2020-01-03 12:15:30\n", ',', 2, 3),
    ("start,end\n2020-01-01 10:00:00,2020-01-01 11:00:00\n2020-01-02 10:00:00,2020-01-02 11:00:00\n", ',', 2, 2),
    ("when\n2020-01-01 10:00:00\n2020-01-02 11:30:00\n2020-01-03 12:15:30\n", ',', 1, 3),
    ("t\n10:00:00\n11:30:00\n12:15:30\n", ',', 1, 3),
    ("x\n1\n2\n3\n4\n", ',', 1, 4),
    ("x\n1,5\n2,25\n3,75\n", ',', 1, 3),
    ("city\nBerlin\nUlm\nBern\nUlm\n", ',', 1, 4),
    ("\"a\",\"b\"\n\"1,5\",\"x\"\n\"2,5\",\"y\"\n", ',', 2, 2),
    ("a,b\n\"x, y\",1\n\"z, w\",2\n\"u, v\",3\n", ',', 2, 3),
    ("a,b\n'x, y',1\n'z, w',2\n'u, v',3\n", ',', 2, 3),
    ("a,b\n\"say \\\"hi\\\", now\",1\n\"z\",2\n\"say \\\"no\\\"\",3\n", ',', 2, 3),
    ("a, b, c\n1, x, 3\n4, y, 6\n", ',', 3, 2),
    ("a,b,\n1,2,\n3,4,\n", ',', 2, 2),
    ("# made by hand\n# on a day\na,b\n1,2\n3,4\n", ',', 2, 2),
    ("Report of sales\n\nregion,amount\nn,1\ns,2\ne,3\n", ',', 2, 3),
    ("a,b\r\n1,2\r\n3,4\r\n", ',', 2, 2),
    ("a,b\r1,2\r3,4\r", ',', 2, 2),
    ("id,text\n1,\"line one\nline two\"\n2,\"x\"\n3,\"y\"\n", ',', 2, 3),
    (",x,y\n0,1.5,2.5\n1,3.5,4.5\n2,5.5,6.5\n", ',', 3, 3),
    ("1,2,x\n3,4,y\n5,6,x\n", ',', 3, 3),
    ("x,y\nx,y\nx,z\n", ',', 2, 3),
    ("id;name;url\n1;a;http://x.org/?a=1,2\n2;b;http://y.org/?b=2,3\n3;c;http://z.org\n", ';', 3, 3),
    ("a,b\n5\" disk,1\n3\" pipe,2\nrod,3\n", ',', 2, 3),
    ("title\tyear\n\"Bonzo\" Dog\t1968\n\"Heroes\"\t1977\nLow\t1977\nThe \"Wall\t1979\n\"Q\" x\t1980\n", '\t', 2, 5),
    ("lat,lon\n48.1,11.5\n52.5,13.4\n47.4,8.5\n", ',', 2, 3),
    ("d;v\n31.12.2020;1.234,5\n01.01.2021;2.345,75\n", ';', 2, 2),
    ("price,share\n\"$1,200.50\",45 %\n\"$950.00\",5 %\n\"$2,000.25\",50 %\n", ',', 2, 3),
    ("a,b,c\n,,\n1,2,3\n,5,\n4,,6\n", ',', 3, 4),
    ("k|v\na:1|x,y\nb:2|z,w\nc:3|u,v\n", '|', 2, 3),
    ("time,value\n10:00,1\n10:05,2\n10:10,3\n", ',', 2, 3),
    ("2019,2020,2021\n1,2,3\n4,5,6\n7,8,9\n", ',', 3, 3),
    ("name,comment\nx,\"well: it; is|so\"\ny,\"no, it is not\"\nz,fine\n", ',', 2, 3),
    ("a;b\n\"x;y\";1\n\"z\";2\n\"u;v;w\";3\n", ';', 2, 3),
    ("mail,age\na@x.org,3\nb@y.org,4\nc@z.org,5\n", ',', 2, 3),
    ("ip,n\n10.0.0.1,3\n10.0.0.2,4\n10.0.0.3,5\n", ',', 2, 3),
    ("a,b\nNA,1\nx,NA\ny,3\n", ',', 2, 3),
    ("A\tB\tC\n1,2\t3;4\tx y\n5,6\t7;8\tz w\n", '\t', 3, 2),
    ("first last\nJohn Smith\nMary Jones\nSue Brown\n", ' ', 2, 3),
    ("name\nJohn Smith\nMary Jones\nSue Brown\n", ',', 1, 3),
    ("a,b\n1,2\n3,4", ',', 2, 2),
    ("a,b\n\n1,2\n\n3,4\n\n", ',', 2, 2),
    ("a;b;c;d\n;;;\n1;2;3;4\n5;6;7;8\n", ';', 4, 3),
    ("x;y\n1;{\"a\":1}\n2;{\"b\":2}\n3;{\"c\":[1,2]}\n", ';', 2, 3),
    ("path,size\n/usr/bin,1\n/usr/lib,2\n/etc,3\n", ',', 2, 3),
    ("a,b\n\"\",1\n\"x\",2\n\"\",3\n", ',', 2, 3),
    ("q,a\n\"Is it \"\"so\"\"?\",yes\n\"No, \"\"not\"\" so\",no\n", ',', 2, 2),
    ("n,formula\n1,=A1+B1\n2,=SUM(A1:A9)\n3,=1\n", ',', 2, 3),
    ("id|a|b|\n1|x|y|\n2|z|w|\n", '|', 3, 2),
    ("'id';'name'\n'1';'a;b'\n'2';'c'\n'3';'d'\n", ';', 2, 3),
    ("code,name\n007,Bond\n008,Bill\n009,Peter\n", ',', 2, 3),
    ("big,neg\n9007199254740993,-1\n9007199254740995,-2\n", ',', 2, 2),
    ("a b\tc d\n1 2\t3 4\n5 6\t7 8\n", '\t', 2, 2),
    ("x,y,z\n0.1,1e-5,3\n0.2,2e-5,4\n", ',', 3, 2),
    ("#chrom\tstart\nc1\t1\nc2\t2\n", '\t', 2, 2),
];

#[test]
fn files_as_they_occur_are_read_as_a_person_reads_them() {
    let mut failures = Vec::new();
    for (text, delimiter, columns, rows) in FILES {
        let found = match read(*text, &lenient()) {
            Ok(found) => (found.layout.dialect.delimiter, found.layout.columns.len(), found.rows.len()),
            Err(error) => {
                failures.push(format!("{text:?}: {error}"));
                continue;
            }
        };
        // one column has no delimiter to be found
        let same = (found.1, found.2) == (*columns, *rows) && (*columns == 1 || found.0 == *delimiter);
        if !same {
            failures.push(format!("{text:?}: expected {:?}, found {found:?}", (delimiter, columns, rows)));
        }
    }
    assert!(FILES.len() >= 60, "{} files", FILES.len());
    assert!(failures.len() * 20 <= FILES.len(), "{} of {} differ:\n{}", failures.len(), FILES.len(), failures.join("\n"));
}
