use super::*;

fn look() -> Look {
    let budget = |id: &str, name: &str, spent: &str, held: &str, used: u8| {
        json!({
            "id": id, "name": name, "window": "1d", "limit": "10.00", "spent": spent, "held": held, "uncertain": "0.50",
            "remaining": "4.25", "used_percent": used, "period": 1_800_000_000, "resets": "2027-01-16T08:00:00.000Z",
        })
    };
    Look {
        at: 1_800_007_200,
        budgets: vec![
            budget("bud_1", "acme 1d", "8.70", "0.5", 92),
            budget("bud_2", "acme/red/atlas 1d", "0.012345678", "5.00", 5),
        ],
        gateways: Some(vec![
            json!({ "name": "edge-1", "state": "enrolled", "last_seen": "2027-01-15T09:59:30.000Z", "leases": 3, "held": "5.50" }),
            json!({ "name": "edge-2", "state": "invited", "leases": 0, "held": "0.00" }),
        ]),
        kills: vec![
            json!({ "name": "acme/red/atlas/scout", "at": "2027-01-15T09:50:00.000Z", "by": "ada@example.com", "reason": "loops" }),
        ],
        refusals: Some(Counts::of(
            &json!({ "counts": [
                { "name": "budget_exceeded", "from": "2027-01-15T08:00:00Z", "refused": 4 },
                { "name": "tool_not_allowed", "from": "2027-01-15T09:00:00Z", "refused": 60 },
            ]}),
            1_800_003_600,
        )),
        findings: Some(Counts::default()),
        requests: vec![
            json!({ "id": "req_1", "budget_name": "acme 1d", "amount": "5.00", "created": "2027-01-15T07:00:00.000Z", "asked_by": "vera@example.com", "reason": "a demo" }),
        ],
    }
}

fn text(lines: &[String]) -> String {
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

#[test]
fn a_frame_tells_what_needs_somebody_first() {
    let look = look();
    let lines = screen::lines(
        &look,
        &Pace::mean(&look),
        "https://panel.example:4102",
        Size::ENDLESS,
    );
    insta::assert_snapshot!(text(&lines), @r"
    tollgate panel https://panel.example:4102   2027-01-15T10:00:00Z

    STOPPED
    FOR                    SINCE  BY               REASON
    acme/red/atlas/scout  10m00s  ada@example.com  loops

    REQUESTS
    BUDGET   AMOUNT  SINCE  BY                REASON  ID
    acme 1d   $5.00  3h00m  vera@example.com  a demo  req_1

    BUDGETS
    BUDGET                                   USED    SPENT   HELD   LEFT   LIMIT   RATE/H   LASTS  RESETS IN
    acme 1d            █████████████████▓▒·   92%    $8.70  $0.50  $4.25  $10.00    $4.60  55m26s     22h00m
    acme/red/atlas 1d  ▓▒▒▒▒▒▒▒▒▒▒·········    5%  $0.0123  $5.00  $4.25  $10.00  $0.2561  16h35m     22h00m

    GATEWAYS
    NAME    STATE     LAST SEEN  LEASES   HELD
    edge-1  enrolled    30s ago       3  $5.50
    edge-2  invited       never       0  $0.00

    REFUSALS
    CODE              THIS HOUR  HOUR BEFORE  RATE/MIN
    tool_not_allowed         60            0       1.0
    budget_exceeded           0            4       0.0

    FINDINGS  none
    ");
}

#[test]
fn a_frame_fits_the_terminal() {
    let look = look();
    let size = Size::new(10, 40);
    let lines = screen::lines(
        &look,
        &Pace::mean(&look),
        "https://panel.example:4102",
        size,
    );
    assert_eq!(lines.len(), 9);
    let text = text(&lines);
    assert!(
        text.lines().all(|line| line.chars().count() <= 40),
        "{text}"
    );
    assert!(text.ends_with("more lines"), "{text}");
}

#[test]
fn who_sees_a_part_of_the_tree_sees_no_gateways() {
    let look = Look {
        gateways: None,
        ..look()
    };
    let lines = screen::lines(&look, &Pace::default(), "https://p", Size::ENDLESS);
    assert!(!text(&lines).contains("GATEWAYS"));
    assert_eq!(look.json("https://p")["gateways"], Value::Null);
}

#[test]
fn a_rate_is_what_was_spent_between_looks_and_begins_anew_with_a_period() {
    let key = |period: i64| ("bud_1".to_owned(), period);
    let spent = |period: i64, dollars: &str| {
        let dollars: Money = dollars.parse().expect(dollars);
        BTreeMap::from([(key(period), dollars)])
    };
    let at = Duration::from_secs;
    let mut past = Past::default();
    assert!(past.rates(at(0), spent(1, "1.00")).0.is_empty());
    let rates = past.rates(at(60), spent(1, "1.10"));
    assert_eq!(rates.0[&key(1)], "6.00".parse().expect("dollars"));
    assert!(past.rates(at(61), spent(2, "0.50")).0.is_empty());
    let rates = past.rates(at(71), spent(2, "0.51"));
    assert_eq!(rates.0[&key(2)], "3.60".parse().expect("dollars"));
    for second in 72..300 {
        past.rates(at(second), spent(2, "0.51"));
    }
    assert_eq!(past.0.len(), LOOKS);
}
