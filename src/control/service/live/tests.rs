use super::super::access::{Actor, Role};
use super::super::directory::Forest;
use super::events::Sight;

fn actor(role: Role, scope: Option<i64>) -> Actor {
    Actor {
        role,
        scope,
        ..Actor::own("somebody", "")
    }
}

/// 1 `acme` with 2 `red` and 4 `blue`; 3 is a project of red.
fn forest() -> Forest {
    Forest::of(&[(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1))])
}

#[test]
fn everybody_hears_of_what_they_may_read_and_nothing_else() {
    let forest = forest();
    let check = |sight: Sight, expected: [bool; 5]| {
        let callers = [
            actor(Role::Admin, None),
            actor(Role::Viewer, None),
            actor(Role::Admin, Some(2)),
            actor(Role::Viewer, Some(3)),
            actor(Role::Admin, Some(4)),
        ];
        let seen = callers.map(|caller| sight.of(&caller, &forest));
        assert_eq!(seen, expected, "{sight:?}");
    };
    check(Sight::All, [true; 5]);
    check(Sight::In(3), [true, true, true, true, false]);
    check(Sight::In(2), [true, true, true, false, false]);
    // A switch above somebody stops them, too.
    check(Sight::Around(2), [true, true, true, true, false]);
    check(Sight::Around(1), [true; 5]);
    check(Sight::Whole, [true, true, false, false, false]);
    check(Sight::Admins, [true, false, false, false, false]);
}
