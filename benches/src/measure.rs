//! Measures contenders against each other. They run in turns, many times, so that other work on the machine affects all
//! of them alike.

use std::time::{Duration, Instant};

/// The time that one batch of the limit should take.
const BATCH: Duration = Duration::from_micros(150);
/// The most batches of each contender, and the time that all of them together may take.
const ROUNDS: usize = 600;
const MOST: Duration = Duration::from_secs(6);
/// The fewest batches of each contender.
const FEWEST: usize = 15;

/// A function that makes a call a given number of times.
pub type Batch<'a> = Box<dyn FnMut(u32) + 'a>;

/// A workload, with a function for each contender.
pub struct Workload<'a> {
    /// The name of the workload.
    pub name: String,
    /// The contenders. The first is the limit.
    pub contenders: Vec<(&'static str, Batch<'a>)>,
}

/// The time of one contender for a workload.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The contender's name.
    pub contender: &'static str,
    /// The median time, in nanoseconds.
    pub nanoseconds: f64,
    /// The median ratio to the limit's time in the same round.
    pub ratio: f64,
}

/// The figures of a workload.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of the workload.
    pub workload: String,
    /// The time of each contender. The first is the limit.
    pub figures: Vec<Figure>,
}

impl Row {
    /// Returns the figures of `contender`.
    pub fn of(&self, contender: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.contender == contender)
    }
}

/// Returns the median.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// Pseudo-random numbers that are the same in each run.
pub struct Random(pub u64);

impl Random {
    /// Returns the next number, less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) as usize % end
    }
}

fn time(batch: &mut Batch<'_>, count: u32) -> f64 {
    let start = Instant::now();
    batch(count);
    start.elapsed().as_nanos() as f64 / f64::from(count)
}

impl Workload<'_> {
    /// Measures the workload.
    pub fn measure(mut self) -> Row {
        // The first batches also fill the caches.
        let mut slowest = 0.0_f64;
        for (_, batch) in &mut self.contenders {
            slowest = slowest.max(time(batch, 1).min(time(batch, 3)));
        }
        let mut limit = f64::MAX;
        for _ in 0..3 {
            limit = limit.min(time(&mut self.contenders[0].1, 20));
        }
        let count = (BATCH.as_nanos() as f64 / limit).clamp(1.0, 1e6) as u32;
        let start = Instant::now();
        let mut random = Random(0);
        let mut times = vec![Vec::new(); self.contenders.len()];
        for round in 0..ROUNDS {
            if round >= FEWEST && start.elapsed() > MOST {
                break;
            }
            // The order differs in each round, because a batch changes the contents of the caches.
            let mut order: Vec<usize> = (0..times.len()).collect();
            for last in (1..order.len()).rev() {
                order.swap(last, random.below(last + 1));
            }
            for who in order {
                times[who].push(time(&mut self.contenders[who].1, count));
            }
        }
        let figures = self.contenders.iter().zip(&times).map(|((contender, _), own)| Figure {
            contender,
            nanoseconds: median(own.clone()),
            ratio: median(own.iter().zip(&times[0]).map(|(own, limit)| own / limit).collect()),
        });
        Row { workload: self.name, figures: figures.collect() }
    }
}
