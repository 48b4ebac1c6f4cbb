//! The Rust shim in a loop, for the vectors: a line in, a line out, fields parted by TAB.

#[allow(dead_code)] // what the vectors do not need
mod ascend;

use ascend::{Decision, Sidecar};
use std::io::{self, BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

fn main() {
    let mut sidecar = None;
    let mut decision = Decision::default();
    for line in io::stdin().lock().lines() {
        let line = line.expect("UTF-8");
        let words: Vec<&str> = line.split('\t').map(|word| if word == "-" { "" } else { word }).collect();
        if words[0] == "open" {
            sidecar = Some(opened(&words[1..]));
            answer(&["ok"]);
            continue;
        }
        answer_of(sidecar.as_ref().expect("it was opened"), &words, &mut decision);
    }
}

fn answer_of(sidecar: &Sidecar, words: &[&str], decision: &mut Decision) {
    match *words {
        ["authorize", action, resource, properties, context] => {
            *decision = sidecar.authorize(action, resource, properties, context);
            let Decision { allowed, failure, code, id, risk, reason, .. } = &*decision;
            let allowed = if *allowed { "allowed" } else { "refused" };
            let error = failure.map(word).unwrap_or_default();
            let risk = risk.map(|risk| risk.to_string()).unwrap_or_default();
            answer(&["decision", allowed, &error, code, id, &risk, reason]);
        }
        ["report", outcome, details] => {
            let failure = sidecar.report(decision, outcome, details).err();
            answer(&["reported", &failure.map(word).unwrap_or_default()]);
        }
        ["watch"] => answer(&["watching", &word(sidecar.watch())]),
        ["blocked"] => answer(&["blocked", yes(sidecar.is_blocked())]),
        ["await", wanted] => {
            let begun = Instant::now();
            while yes(sidecar.is_blocked()) != wanted && begun.elapsed() < Duration::from_secs(10) {
                thread::sleep(Duration::from_millis(10));
            }
            answer(&["blocked", yes(sidecar.is_blocked())]);
        }
        ["measure", count, action, resource] => {
            let took = measured(sidecar, count.parse().expect("a number"), action, resource);
            answer(&["measured", &format!("{took:.1}")]);
        }
        ["close"] => {
            sidecar.close();
            answer(&["closed"]);
        }
        _ => panic!("{words:?}"),
    }
}

/// The median of so many allowed calls, in microseconds.
fn measured(sidecar: &Sidecar, count: usize, action: &str, resource: &str) -> f64 {
    let one = |_| {
        let began = Instant::now();
        assert!(sidecar.authorize(action, resource, "", "").allowed);
        began.elapsed()
    };
    let mut took: Vec<Duration> = (0..count).map(one).collect();
    took.sort();
    took[count / 2].as_secs_f64() * 1e6
}

fn opened(words: &[&str]) -> Sidecar {
    let [deadline, wait, silence] =
        [words[3], words[4], words[5]].map(|text| Duration::from_secs_f64(text.parse().expect("seconds")));
    let mut sidecar = Sidecar::new(words[1]);
    (sidecar.address, sidecar.token) = (words[0].into(), words[2].into());
    (sidecar.deadline, sidecar.wait, sidecar.silence) = (deadline, Some(wait), silence);
    sidecar.accept_obligations = words[6] == "accept";
    sidecar
}

fn word(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

fn yes(is: bool) -> &'static str {
    if is {
        "yes"
    } else {
        "no"
    }
}

fn answer(words: &[&str]) {
    let shown = words.iter().map(|word| match *word {
        "" => "-".to_string(),
        word => word.replace(['\t', '\r', '\n'], " "),
    });
    println!("{}", shown.collect::<Vec<_>>().join("\t"));
    io::stdout().flush().expect("somebody listens");
}
