//! The bytes are a promise to every later version.

use super::*;
use crate::governance::budget::Leases;
use proptest::prelude::*;

fn check(entry: &Entry, golden: &str) {
    let mut out = Vec::new();
    write_entry(&mut out, entry);
    let hex: Vec<String> = out.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex.join(""), golden.replace(' ', ""), "{entry:?}");
    assert_eq!(read_entry(&out).as_ref(), Ok(entry));
}

#[test]
fn every_entry_has_its_bytes() {
    let period = Period { start: 1, end: 2 };
    let (ledger, id) = (LedgerId(7), 0x0102);
    let money = Money::from_nanos(-2);
    let open = |value| Entry::Open {
        ledger,
        budget: "day".into(),
        value,
    };
    check(&open(None), "01 07000000 03000000 646179 00");
    check(
        &open(Some("é".into())),
        "01 07000000 03000000 646179 01 02000000 c3a9",
    );
    let roll = Entry::Roll {
        ledger,
        period,
        carried: money,
    };
    check(
        &roll,
        "02 07000000 0100000000000000 0200000000000000 feffffffffffffff",
    );
    let ceiling = Entry::Ceiling {
        ledger,
        period: -1,
        total: money,
    };
    check(&ceiling, "03 07000000 ffffffffffffffff feffffffffffffff");
    let reserve = Entry::Reserve {
        id,
        amount: money,
        scopes: [(ledger, 1), (LedgerId(8), 2)].into_iter().collect(),
    };
    let scopes = "02000000 07000000 0100000000000000 08000000 0200000000000000";
    check(
        &reserve,
        &format!("04 0201000000000000 feffffffffffffff {scopes}"),
    );
    let settle = Entry::Settle {
        id,
        cost: money,
        input: Tokens(3),
        output: Tokens(4),
        estimated: true,
    };
    let tokens = "0300000000000000 0400000000000000";
    check(
        &settle,
        &format!("05 0201000000000000 feffffffffffffff {tokens} 01"),
    );
    check(&Entry::Release { id }, "06 0201000000000000");
    check(&Entry::Expire { id }, "07 0201000000000000");
    check(&Entry::Forget { ledger }, "08 07000000");
    check(&Entry::Clean, "09");
}

#[test]
fn every_note_of_a_lease_has_its_bytes() {
    let lease = 0x0102_0304;
    let number = "04030201000000000000000000000000";
    let money = Money::from_nanos(5);
    let of = |note, kind: &str, rest: &str| {
        check(
            &Entry::Lease { lease, note },
            &format!("{kind} {number} {rest}"),
        );
    };
    let (call, amount) = (3, "0500000000000000");
    of(LeaseNote::Open, "0a", "");
    of(LeaseNote::Ceiling(money), "0b", amount);
    of(
        LeaseNote::Reserve {
            call,
            amount: money,
        },
        "0c",
        &format!("0300000000000000 {amount}"),
    );
    of(
        LeaseNote::Settle {
            call,
            cost: money,
            overrun: Money::from_nanos(6),
        },
        "0d",
        &format!("0300000000000000 {amount} 0600000000000000"),
    );
    of(LeaseNote::Close, "0e", "");
}

#[test]
fn books_without_leases_have_the_bytes_of_before_there_were_any() {
    let (mut plain, mut leased) = (Vec::new(), Vec::new());
    let mut state = State::default();
    write_state(&mut plain, &state);
    assert_eq!(plain.len(), 8 + 4 + 1 + 4 + 4);
    state.leases.note(9, LeaseNote::Open);
    write_state(&mut leased, &state);
    assert_eq!(leased.get(..plain.len()), Some(&*plain));
    assert_eq!(read_state(&leased), Ok(state));
}

#[test]
fn a_kind_nobody_knows_is_a_fault_and_so_is_a_byte_too_many_or_too_few() {
    assert_eq!(read_entry(&[77, 0]), Err(Malformed::Kind(77)));
    assert_eq!(read_entry(&[]), Err(Malformed::Short));
    assert_eq!(read_entry(&[kind::CLEAN, 0]), Err(Malformed::Long(1)));
    assert_eq!(read_entry(&[kind::FORGET, 0, 0]), Err(Malformed::Short));
    // A length that promises more than there is must not be believed, nor allocated.
    let long = [kind::OPEN, 0, 0, 0, 0, 255, 255, 255, 255];
    assert_eq!(read_entry(&long), Err(Malformed::Short));
}

fn money() -> impl Strategy<Value = Money> {
    any::<i64>().prop_map(Money::from_nanos)
}

fn ledger() -> impl Strategy<Value = LedgerId> {
    any::<u32>().prop_map(LedgerId)
}

fn period() -> impl Strategy<Value = Period> {
    any::<(i64, i64)>().prop_map(|(start, end)| Period { start, end })
}

fn name() -> impl Strategy<Value = Arc<str>> {
    ".{0,12}".prop_map(Arc::from)
}

fn scopes() -> impl Strategy<Value = Scopes> {
    prop::collection::vec((ledger(), any::<i64>()), 0..6).prop_map(Scopes::from_vec)
}

pub(in crate::journal) fn entry() -> impl Strategy<Value = Entry> {
    let id = any::<u64>;
    prop_oneof![
        (ledger(), name(), prop::option::of(name())).prop_map(|(ledger, budget, value)| {
            Entry::Open {
                ledger,
                budget,
                value,
            }
        }),
        (ledger(), period(), money()).prop_map(|(ledger, period, carried)| Entry::Roll {
            ledger,
            period,
            carried
        }),
        (ledger(), any::<i64>(), money()).prop_map(|(ledger, period, total)| Entry::Ceiling {
            ledger,
            period,
            total
        }),
        (id(), money(), scopes()).prop_map(|(id, amount, scopes)| Entry::Reserve {
            id,
            amount,
            scopes
        }),
        (id(), money(), any::<(u64, u64, bool)>()).prop_map(
            |(id, cost, (input, output, estimated))| Entry::Settle {
                id,
                cost,
                input: Tokens(input),
                output: Tokens(output),
                estimated
            }
        ),
        id().prop_map(|id| Entry::Release { id }),
        id().prop_map(|id| Entry::Expire { id }),
        ledger().prop_map(|ledger| Entry::Forget { ledger }),
        (any::<u128>(), note()).prop_map(|(lease, note)| Entry::Lease { lease, note }),
        Just(Entry::Clean),
    ]
}

fn note() -> impl Strategy<Value = LeaseNote> {
    prop_oneof![
        Just(LeaseNote::Open),
        money().prop_map(LeaseNote::Ceiling),
        (any::<u64>(), money()).prop_map(|(call, amount)| LeaseNote::Reserve { call, amount }),
        (any::<u64>(), money(), money()).prop_map(|(call, cost, overrun)| LeaseNote::Settle {
            call,
            cost,
            overrun
        }),
        Just(LeaseNote::Close),
    ]
}

fn lease() -> impl Strategy<Value = LeaseState> {
    let calls = prop::collection::btree_map(any::<u64>(), money(), 0..3);
    ([money(), money(), money(), money(), money()], calls).prop_map(
        |([ceiling, settled, overrun, abandoned, uncertain], open)| LeaseState {
            ceiling,
            settled,
            overrun,
            abandoned,
            uncertain,
            open,
        },
    )
}

fn account() -> impl Strategy<Value = AccountState> {
    (period(), [money(), money(), money(), money(), money()]).prop_map(
        |(period, [spent, reserved, uncertain, ceiling, carried])| AccountState {
            period,
            spent,
            reserved,
            uncertain,
            ceiling,
            carried,
        },
    )
}

pub(in crate::journal) fn state() -> impl Strategy<Value = State> {
    let accounts = prop::collection::vec(account(), 0..3);
    let one = (name(), prop::option::of(name()), accounts).prop_map(|(budget, value, accounts)| {
        LedgerState {
            budget,
            value,
            accounts,
        }
    });
    let call = (money(), scopes()).prop_map(|(amount, scopes)| OpenState { amount, scopes });
    let ledgers = prop::collection::btree_map(ledger(), one, 0..4);
    let open = prop::collection::btree_map(any::<u64>(), call, 0..4);
    let leases = prop::collection::btree_map(any::<u128>(), lease(), 0..3);
    (ledgers, open, leases, any::<(u64, u32, bool)>()).prop_map(
        |(ledgers, open, leases, (next_reservation, next_ledger, clean))| State {
            ledgers,
            open,
            leases: Leases(leases),
            next_reservation,
            next_ledger,
            clean,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(entry in entry(), state in state()) {
        let mut out = Vec::new();
        write_entry(&mut out, &entry);
        prop_assert_eq!(read_entry(&out), Ok(entry));
        out.clear();
        write_state(&mut out, &state);
        prop_assert_eq!(read_state(&out), Ok(state));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..18) {
        let _ = read_state(&bytes);
        let _ = read_entry(&bytes);
        let mut kinded = vec![kind];
        kinded.extend(&bytes);
        let _ = read_entry(&kinded);
    }
}
