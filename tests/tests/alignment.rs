//! Two sides with one type that is plain on one of them only, because its alignment is not a part of the descriptor.
//!
//! The value must arrive, and the receiver must not write to the sender's value. A value in read-only memory shows
//! that, because a write to it ends the process.

use std::collections::VecDeque;
use std::sync::RwLock;

use api::alignment::{aligned, plain};
use plugin_host::Host;
use tests::{assert_leaves_nothing, host_with};

macro_rules! check {
    ($host:expr, $types:ident, $exports:literal, $statics:literal) => {{
        use $types::{Inner, Outer};
        const fn outer(n: u32) -> Outer {
            Outer { inner: Inner { a: n, b: n + 1 }, c: n as u64 + 2 }
        }
        static LENT: [Outer; 2] = [outer(1), outer(4)];
        const SUM: u64 = 1 + 2 + 3 + 4 + 5 + 6;

        let host: &Host = $host;
        let name = |name: &str| format!("{}_{name}", $exports);
        assert_eq!(host.get::<fn(&[Outer]) -> u64>(&name("slice")).unwrap()(&LENT), SUM);
        assert_eq!(host.get::<fn(&[Outer]) -> u64>(&name("slice")).unwrap()(&[]), 0);
        let mut all = LENT.to_vec();
        assert_eq!(host.get::<fn(&Vec<Outer>) -> u64>(&name("vec")).unwrap()(&all), SUM);
        assert_eq!(host.get::<fn(&VecDeque<Outer>) -> u64>(&name("deque")).unwrap()(&all.clone().into()), SUM);
        assert_eq!(host.get::<fn(&Box<Outer>) -> u64>(&name("box")).unwrap()(&Box::new(LENT[0])), 6);
        assert_eq!(host.get::<fn(&Box<[Outer]>) -> u64>(&name("boxed_slice")).unwrap()(&LENT.into()), SUM);
        let pair = (Some(Box::new(LENT[1])), LENT);
        assert_eq!(host.get::<fn(&(Option<Box<Outer>>, [Outer; 2])) -> u64>(&name("pair")).unwrap()(&pair), SUM + 15);
        assert_eq!((pair, all.as_slice()), ((Some(Box::new(outer(4))), [outer(1), outer(4)]), &LENT[..]));

        host.get::<fn(&mut [Outer])>(&name("double")).unwrap()(&mut all);
        host.get::<fn(&mut Outer)>(&name("double_one")).unwrap()(&mut all[1]);
        let doubled = [Outer { inner: Inner { a: 2, b: 2 }, c: 6 }, Outer { inner: Inner { a: 8, b: 10 }, c: 12 }];
        assert_eq!(all, doubled);
        assert_eq!(host.get::<fn(Vec<Outer>) -> Vec<Outer>>(&name("echo")).unwrap()(all), doubled);

        let name = |name: &str| format!("{}_{name}", $statics);
        assert_eq!(*host.get::<Outer>(&name("ONE")).unwrap(), outer(1));
        assert_eq!(*host.get::<&[Outer]>(&name("ALL")).unwrap(), [outer(1); 2]);
        let lock = host.get::<RwLock<Vec<Outer>>>(&name("LOCK")).unwrap();
        lock.write().unwrap().extend(LENT);
        let (reading, also_reading) = (lock.read().unwrap(), lock.read().unwrap());
        assert_eq!((&**reading, &**also_reading), (&LENT[..], &LENT[..]));
        drop((reading, also_reading));
        lock.write().unwrap().clear();
    }};
}

#[test]
fn a_type_may_be_plain_on_one_side_only() {
    use plugin_core::PluginType;

    const { assert!(plain::Outer::PLAIN && !aligned::Outer::PLAIN) }
    let host = host_with(&["zoo"]);
    check!(&host, plain, "plain", "PLAIN");
    check!(&host, plain, "aligned", "ALIGNED");
    check!(&host, aligned, "plain", "PLAIN");
    check!(&host, aligned, "aligned", "ALIGNED");
}

/// The plugin lends the elements only for the time of the look-up.
#[test]
fn a_look_up_ends_the_loan_of_a_static() {
    let host = host_with(&["zoo-apart"]);
    let live_blocks = host.get::<fn() -> isize>("live_blocks").unwrap();
    let look_up = || {
        for _ in 0..10 {
            assert_eq!(host.get::<plain::Outer>("ALIGNED_ONE").unwrap().c, 3);
            assert_eq!(host.get::<&[plain::Outer]>("ALIGNED_ALL").unwrap().len(), 2);
            assert_eq!(host.get::<aligned::Outer>("PLAIN_ONE").unwrap().c, 3);
        }
    };
    assert_leaves_nothing(look_up, &*live_blocks);
}
