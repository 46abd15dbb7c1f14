//! The catalogue of tokens that begin with a prefix of their own, by vendor.
//!
//! Prefixes and lengths are facts of the vendors' documentation and of public lists. Where vendors lengthened their tokens
//! over the years, the row gives the range. No prefix begins with another one: what they share is the prefix, the rest its
//! forms. Forms are tried in order, the more particular first.
//!
//! Not here: tokens known by a mark in their middle (`marked`), and those only their name gives away (`assignment`).

use super::form::Part::{Lit, Open, Run, Uuid};
use super::form::{Form, strong, weak};
use super::reading::{
    ALNUM, BASE64, DIGIT, HEX, HEX_ANY, LOWER_ALNUM, Set, UPPER_ALNUM, URL64, WORD, opens, set,
};
use crate::governance::guard::probe::{Probe, Trigger, View};
use std::sync::LazyLock;

static LETTER: Set = set("A-Za-z");
static SMALL: Set = set("a-z");
static SLACK_KIND: Set = set("abcdeoprs");
static URL64_PADDED: Set = set("0-9A-Za-z_=-");
static DOTTED: Set = set("0-9A-Za-z_.=-");
static PERCENT: Set = set("0-9A-Za-z%_-");
static SENTRY: Set = set("0-9A-Za-z+/=_");

/// A prefix and what may follow it.
struct Vendor {
    prefix: &'static str,
    forms: &'static [Form],
}

/// Writes the rows down twice: as triggers and as the catalogue.
macro_rules! catalogue {
    ($($prefix:literal => [$($form:expr),+ $(,)?];)+) => {
        /// Every prefix.
        pub(super) const TRIGGERS: &[Trigger] = &[$(Trigger::Exact($prefix)),+];
        static CATALOGUE: &[Vendor] = &[$(Vendor { prefix: $prefix, forms: &[$($form),+] }),+];
    };
}

catalogue! {
    // Clouds.
    "AKIA" => [strong("aws_access_key_id", &[Run(&UPPER_ALNUM, 16, 16)])];
    "ASIA" => [strong("aws_access_key_id", &[Run(&UPPER_ALNUM, 16, 16)])];
    "ABIA" => [strong("aws_access_key_id", &[Run(&UPPER_ALNUM, 16, 16)])];
    "A3T" => [strong("aws_access_key_id", &[Run(&UPPER_ALNUM, 17, 17)])];
    "ACCA" => [strong("aws_access_key_id", &[Run(&UPPER_ALNUM, 16, 16)])];
    "ABSK" => [strong("aws_bedrock_api_key", &[Open(&BASE64, 80)])];
    "bedrock-api-key-" => [strong("aws_bedrock_api_key", &[Open(&BASE64, 60)])];
    "amzn.mws." => [strong("amazon_mws_token", &[Uuid])];
    "amzn1.oa2-cs.v1." => [strong("amazon_client_secret", &[Run(&HEX_ANY, 64, 64)])];
    "AIza" => [strong("google_api_key", &[Run(&URL64, 35, 35)])];
    "AQ.Ab" => [strong("google_api_key", &[Run(&URL64, 40, 120)])];
    "GOCSPX-" => [strong("google_client_secret", &[Run(&URL64, 28, 28)])];
    "ya29." => [strong("google_access_token", &[Open(&DOTTED, 30)])];
    "1//0" => [weak("google_refresh_token", &[Run(&URL64, 36, 200)])];
    "LTAI" => [strong("alibaba_access_key_id", &[Run(&ALNUM, 12, 26)])];
    "STS.N" => [strong("alibaba_access_key_id", &[Run(&ALNUM, 20, 64)])];
    "AKID" => [strong("tencent_secret_id", &[Run(&ALNUM, 32, 36)])];
    "AQVN" => [strong("yandex_api_key", &[Run(&URL64, 35, 38)])];
    "t1." => [weak("yandex_iam_token", &[Run(&URL64_PADDED, 20, 250), Lit("."), Run(&URL64_PADDED, 80, 90)])];
    "y0_" => [weak("yandex_oauth_token", &[Run(&URL64, 50, 70)])];
    "doo_v1_" => [strong("digitalocean_token", &[Run(&HEX, 64, 64)])];
    "dop_v1_" => [strong("digitalocean_token", &[Run(&HEX, 64, 64)])];
    "dor_v1_" => [strong("digitalocean_token", &[Run(&HEX, 64, 64)])];
    "DO00" => [weak("digitalocean_spaces_key", &[Run(&UPPER_ALNUM, 16, 16)])];
    "HRKU-" => [strong("heroku_api_key", &[Run(&URL64, 36, 70)])];
    "fo1_" => [strong("fly_token", &[Run(&URL64, 43, 43)])];
    "fm1a_" => [strong("fly_token", &[Open(&BASE64, 80)])];
    "fm1r_" => [strong("fly_token", &[Open(&BASE64, 80)])];
    "fm2_" => [strong("fly_token", &[Open(&BASE64, 80)])];
    "vcp_" => [strong("vercel_token", &[Run(&ALNUM, 24, 64)])];
    "vck_" => [strong("vercel_token", &[Run(&ALNUM, 24, 64)])];
    "vca_" => [strong("vercel_token", &[Run(&ALNUM, 24, 64)])];
    "nfp_" => [strong("netlify_token", &[Run(&ALNUM, 36, 40)])];
    "rnd_" => [weak("render_api_key", &[Run(&ALNUM, 28, 32)])];
    "tk-us-" => [strong("scalingo_token", &[Run(&URL64, 48, 48)])];
    "v1.0-" => [strong("cloudflare_origin_ca_key", &[Run(&HEX, 24, 24), Lit("-"), Run(&HEX, 146, 146)])];
    "cfut_" => [strong("cloudflare_api_token", &[Run(&ALNUM, 40, 64)])];
    "cfat_" => [strong("cloudflare_api_token", &[Run(&ALNUM, 40, 64)])];
    "cfk_" => [weak("cloudflare_api_token", &[Run(&ALNUM, 37, 64)])];
    "napi_" => [strong("neon_api_key", &[Run(&LOWER_ALNUM, 60, 70)])];
    "pscale_" => [
        strong("planetscale_token", &[Lit("tkn_"), Run(&DOTTED, 32, 64)]),
        strong("planetscale_token", &[Lit("oauth_"), Run(&DOTTED, 32, 64)]),
        strong("planetscale_password", &[Lit("pw_"), Run(&DOTTED, 32, 64)]),
    ];
    "sbp_" => [
        strong("supabase_token", &[Lit("oauth_"), Run(&HEX, 40, 40)]),
        strong("supabase_token", &[Run(&HEX, 40, 40)]),
    ];
    "sb_secret_" => [strong("supabase_secret_key", &[Run(&URL64, 24, 64)])];
    "4b1d" => [weak("clickhouse_api_key", &[Run(&ALNUM, 38, 38)])];
    "mdb_sa_sk_" => [strong("mongodb_atlas_secret", &[Run(&URL64, 30, 60)])];
    "dapi" => [
        strong("databricks_token", &[Run(&HEX, 32, 32), Lit("-"), Run(&DIGIT, 1, 1)]),
        strong("databricks_token", &[Run(&HEX, 32, 32)]),
    ];
    "sha256~" => [strong("openshift_token", &[Run(&URL64, 43, 43)])];
    "essu_" => [strong("elastic_cloud_key", &[Run(&BASE64, 40, 200)])];

    // Code, packages, delivery.
    "ghp_" => [strong("github_token", &[Run(&ALNUM, 36, 255)])];
    "gho_" => [strong("github_token", &[Run(&ALNUM, 36, 255)])];
    "ghu_" => [strong("github_token", &[Run(&ALNUM, 36, 255)])];
    "ghs_" => [strong("github_token", &[Run(&ALNUM, 36, 255)])];
    "ghr_" => [strong("github_token", &[Run(&ALNUM, 36, 255)])];
    "github_pat_" => [strong("github_token", &[Run(&WORD, 50, 255)])];
    "glpat-" => [
        strong("gitlab_token", &[Run(&URL64, 20, 128), Lit("."), Run(&LOWER_ALNUM, 2, 2), Lit("."), Run(&LOWER_ALNUM, 7, 9)]),
        strong("gitlab_token", &[Run(&URL64, 20, 128)]),
    ];
    "gldt-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glft-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glsoat-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glptt-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glrt-" => [
        strong("gitlab_token", &[Run(&URL64, 20, 128), Lit("."), Run(&LOWER_ALNUM, 2, 2), Lit("."), Run(&LOWER_ALNUM, 7, 9)]),
        strong("gitlab_token", &[Run(&URL64, 20, 128)]),
    ];
    "glrtr-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glcbt-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glimt-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glagent-" => [strong("gitlab_token", &[Run(&URL64, 40, 128)])];
    "gloas-" => [strong("gitlab_token", &[Run(&URL64, 40, 128)])];
    "glffct-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "glwt-" => [strong("gitlab_token", &[Run(&URL64, 20, 128)])];
    "GR1348941" => [strong("gitlab_token", &[Run(&URL64, 20, 20)])];
    "ATBB" => [strong("bitbucket_app_password", &[Run(&ALNUM, 28, 36)])];
    "BBDC-" => [strong("bitbucket_token", &[Run(&BASE64, 40, 60)])];
    "npm_" => [strong("npm_token", &[Run(&ALNUM, 36, 36)])];
    "pypi-" => [strong("pypi_token", &[Lit("AgE"), Open(&URL64, 40)])];
    "rubygems_" => [strong("rubygems_token", &[Run(&HEX, 48, 48)])];
    "cio" => [weak("crates_io_token", &[Run(&ALNUM, 32, 32)])];
    "oy2" => [weak("nuget_api_key", &[Run(&LOWER_ALNUM, 43, 43)])];
    "CLOJARS_" => [strong("clojars_token", &[Run(&ALNUM, 60, 60)])];
    "dckr_pat_" => [strong("docker_token", &[Run(&URL64, 27, 40)])];
    "dckr_oat_" => [strong("docker_token", &[Run(&URL64, 27, 40)])];
    "SWMTKN-1-" => [strong("docker_swarm_token", &[Run(&LOWER_ALNUM, 49, 51), Lit("-"), Run(&LOWER_ALNUM, 24, 26)])];
    "AKCp" => [strong("artifactory_api_key", &[Run(&ALNUM, 60, 80)])];
    "cmVmd" => [weak("artifactory_token", &[Run(&ALNUM, 59, 59)])];
    "bkua_" => [strong("buildkite_token", &[Run(&HEX, 40, 40)])];
    "CCIPAT_" => [strong("circleci_token", &[Run(&ALNUM, 22, 22), Lit("_"), Run(&HEX, 40, 40)])];
    "CCIPRJ_" => [strong("circleci_token", &[Run(&ALNUM, 22, 22), Lit("_"), Run(&HEX, 40, 40)])];
    "API-" => [weak("octopus_deploy_api_key", &[Run(&UPPER_ALNUM, 26, 26)])];
    "sgp_" => [
        strong("sourcegraph_token", &[Run(&HEX_ANY, 40, 40)]),
        strong("sourcegraph_token", &[Run(&HEX_ANY, 16, 16), Lit("_"), Run(&HEX_ANY, 40, 40)]),
        strong("sourcegraph_token", &[Lit("local_"), Run(&HEX_ANY, 40, 40)]),
    ];
    "squ_" => [strong("sonar_token", &[Run(&HEX, 40, 40)])];
    "sqp_" => [strong("sonar_token", &[Run(&HEX, 40, 40)])];
    "sqa_" => [strong("sonar_token", &[Run(&HEX, 40, 40)])];
    "ico-" => [weak("infracost_token", &[Run(&ALNUM, 32, 32)])];
    "pul-" => [strong("pulumi_token", &[Run(&HEX, 40, 40)])];
    "pnu_" => [strong("prefect_token", &[Run(&ALNUM, 36, 36)])];
    "pnb_" => [strong("prefect_token", &[Run(&ALNUM, 36, 36)])];
    "rdme_" => [strong("readme_token", &[Run(&LOWER_ALNUM, 70, 70)])];
    "PMAK-" => [strong("postman_api_key", &[Run(&HEX_ANY, 24, 24), Lit("-"), Run(&HEX_ANY, 34, 34)])];
    "sdk-" => [strong("launchdarkly_key", &[Uuid])];
    "api-" => [strong("launchdarkly_key", &[Uuid])];
    "e2b_" => [strong("e2b_api_key", &[Run(&HEX, 40, 40)])];
    "dtn_" => [strong("daytona_api_key", &[Run(&HEX, 64, 64)])];
    "tr_dev_" => [weak("trigger_dev_key", &[Run(&ALNUM, 20, 40)])];
    "tr_prod_" => [weak("trigger_dev_key", &[Run(&ALNUM, 20, 40)])];
    "zpka_" => [strong("zuplo_api_key", &[Run(&WORD, 32, 60)])];
    "KGAT_" => [strong("kaggle_token", &[Run(&HEX, 32, 32)])];
    "apify_api_" => [strong("apify_token", &[Run(&ALNUM, 30, 50)])];
    "s-s4t2" => [strong("intra42_secret", &[Run(&SMALL, 2, 2), Lit("-"), Run(&HEX, 64, 64)])];
    "sm_" => [weak("settlemint_token", &[Run(&SMALL, 3, 3), Lit("_"), Run(&ALNUM, 16, 16)])];
    "p8e-" => [strong("adobe_client_secret", &[Run(&ALNUM, 32, 32)])];

    // Vaults and identity.
    "hvs." => [strong("vault_token", &[Run(&URL64, 24, 200)])];
    "hvb." => [strong("vault_token", &[Open(&URL64, 80)])];
    "hvr." => [strong("vault_token", &[Open(&URL64, 80)])];
    "dp." => [
        strong("doppler_token", &[Lit("pt."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("ct."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("sa."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("said."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("scim."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("audit."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("st."), Run(&ALNUM, 40, 44)]),
        strong("doppler_token", &[Lit("st."), Run(&URL64, 2, 35), Lit("."), Run(&ALNUM, 40, 44)]),
    ];
    "ops_eyJ" => [strong("onepassword_token", &[Open(&BASE64, 100)])];
    "A3-" => [
        weak("onepassword_secret_key", &[
            Run(&UPPER_ALNUM, 6, 6), Lit("-"), Run(&UPPER_ALNUM, 6, 6), Lit("-"), Run(&UPPER_ALNUM, 5, 5), Lit("-"),
            Run(&UPPER_ALNUM, 5, 5), Lit("-"), Run(&UPPER_ALNUM, 5, 5), Lit("-"), Run(&UPPER_ALNUM, 5, 5),
        ]),
        weak("onepassword_secret_key", &[
            Run(&UPPER_ALNUM, 6, 6), Lit("-"), Run(&UPPER_ALNUM, 11, 11), Lit("-"), Run(&UPPER_ALNUM, 5, 5), Lit("-"),
            Run(&UPPER_ALNUM, 5, 5), Lit("-"), Run(&UPPER_ALNUM, 5, 5),
        ]),
    ];
    "AGE-SECRET-KEY-1" => [strong("age_secret_key", &[Run(&UPPER_ALNUM, 58, 58)])];
    "tskey-" => [strong("tailscale_key", &[Run(&URL64, 20, 100)])];
    "dnkey-" => [strong("defined_networking_token", &[Run(&URL64_PADDED, 60, 100)])];
    "ory_" => [weak("ory_token", &[Run(&SMALL, 2, 4), Lit("_"), Run(&ALNUM, 30, 50)])];
    "EAA" => [
        weak("facebook_token", &[Run(&ALNUM, 90, 400)]),
        weak("square_token", &[Lit("A"), Run(&URL64, 50, 64)]),
    ];

    // Payment, shops, shipping.
    "sk_" => [
        strong("stripe_secret_key", &[Lit("live_"), Run(&ALNUM, 16, 250)]),
        strong("stripe_secret_key", &[Lit("test_"), Run(&ALNUM, 16, 250)]),
        strong("stripe_secret_key", &[Lit("prod_"), Run(&ALNUM, 16, 250)]),
        weak("cartesia_api_key", &[Lit("car_"), Run(&ALNUM, 20, 64)]),
        weak("elevenlabs_api_key", &[Run(&HEX, 48, 48)]),
        weak("secret_key", &[Run(&URL64, 29, 29)]),
        weak("secret_key", &[Run(&ALNUM, 24, 100)]),
    ];
    "rk_live_" => [strong("stripe_restricted_key", &[Run(&ALNUM, 16, 250)])];
    "rk_test_" => [strong("stripe_restricted_key", &[Run(&ALNUM, 16, 250)])];
    "rk_prod_" => [strong("stripe_restricted_key", &[Run(&ALNUM, 16, 250)])];
    "whsec_" => [strong("webhook_secret", &[Run(&BASE64, 24, 100)])];
    "sq0atp-" => [strong("square_token", &[Run(&URL64, 22, 60)])];
    "sq0csp-" => [strong("square_client_secret", &[Run(&URL64, 40, 60)])];
    "access_token$" => [
        strong("braintree_token", &[Lit("production$"), Run(&LOWER_ALNUM, 16, 16), Lit("$"), Run(&HEX, 32, 32)]),
        strong("braintree_token", &[Lit("sandbox$"), Run(&LOWER_ALNUM, 16, 16), Lit("$"), Run(&HEX, 32, 32)]),
    ];
    "FLWSECK" => [
        strong("flutterwave_secret_key", &[Lit("_TEST-"), Run(&ALNUM, 32, 32), Lit("-X")]),
        strong("flutterwave_secret_key", &[Lit("-"), Run(&ALNUM, 32, 32), Lit("-X")]),
        strong("flutterwave_secret_key", &[Lit("-"), Run(&ALNUM, 32, 32), Lit("-"), Run(&ALNUM, 8, 16), Lit("-X")]),
        strong("flutterwave_encryption_key", &[Lit("_TEST-"), Run(&ALNUM, 12, 12)]),
        strong("flutterwave_encryption_key", &[Lit("_TEST"), Run(&ALNUM, 12, 12)]),
    ];
    "rzp_live_" => [weak("razorpay_key_id", &[Run(&ALNUM, 14, 14)])];
    "rzp_test_" => [weak("razorpay_key_id", &[Run(&ALNUM, 14, 14)])];
    "xnd_production_" => [strong("xendit_api_key", &[Run(&ALNUM, 40, 100)])];
    "xnd_development_" => [strong("xendit_api_key", &[Run(&ALNUM, 40, 100)])];
    "access-sandbox-" => [strong("plaid_token", &[Uuid])];
    "access-development-" => [strong("plaid_token", &[Uuid])];
    "access-production-" => [strong("plaid_token", &[Uuid])];
    "polar_oat_" => [strong("polar_token", &[Run(&ALNUM, 30, 64)])];
    "shpat_" => [strong("shopify_token", &[Run(&HEX_ANY, 32, 32)])];
    "shpca_" => [strong("shopify_token", &[Run(&HEX_ANY, 32, 32)])];
    "shppa_" => [strong("shopify_token", &[Run(&HEX_ANY, 32, 32)])];
    "shpss_" => [strong("shopify_token", &[Run(&HEX_ANY, 32, 32)])];
    "shptka_" => [strong("shopify_token", &[Run(&HEX_ANY, 32, 32)])];
    "shippo_live_" => [strong("shippo_token", &[Run(&HEX_ANY, 40, 40)])];
    "shippo_test_" => [strong("shippo_token", &[Run(&HEX_ANY, 40, 40)])];
    "EZAK" => [strong("easypost_api_key", &[Run(&ALNUM, 54, 54)])];
    "EZTK" => [strong("easypost_api_key", &[Run(&ALNUM, 54, 54)])];
    "duffel_test_" => [strong("duffel_token", &[Run(&URL64_PADDED, 43, 43)])];
    "duffel_live_" => [strong("duffel_token", &[Run(&URL64_PADDED, 43, 43)])];
    "live_" => [
        weak("lob_api_key", &[Lit("pub_"), Run(&HEX, 31, 31)]),
        weak("lob_api_key", &[Run(&HEX, 35, 35)]),
        weak("gocardless_token", &[Run(&URL64_PADDED, 40, 40)]),
    ];
    "test_" => [
        weak("lob_api_key", &[Lit("pub_"), Run(&HEX, 31, 31)]),
        weak("lob_api_key", &[Run(&HEX, 35, 35)]),
    ];

    // Messages and mail.
    "xox" => [
        strong("slack_token", &[Run(&SLACK_KIND, 1, 1), Lit("-"), Run(&PERCENT, 20, 250)]),
        strong("slack_token", &[Lit("e.xox"), Run(&SLACK_KIND, 1, 1), Lit("-"), Run(&URL64, 40, 250)]),
    ];
    "xapp-" => [strong("slack_app_token", &[Run(&URL64, 30, 250)])];
    "SG." => [strong("sendgrid_api_key", &[Run(&URL64, 16, 24), Lit("."), Run(&URL64, 39, 50)])];
    "key-" => [weak("mailgun_api_key", &[Run(&HEX_ANY, 32, 32)])];
    "xkeysib-" => [strong("brevo_api_key", &[Run(&HEX, 64, 64), Lit("-"), Run(&ALNUM, 16, 16)])];
    "xsmtpsib-" => [strong("brevo_api_key", &[Run(&HEX, 64, 64), Lit("-"), Run(&ALNUM, 16, 16)])];
    "mlsn." => [strong("mailersend_token", &[Run(&HEX, 64, 64)])];
    "re_" => [
        weak("resend_api_key", &[Run(&ALNUM, 8, 8), Lit("_"), Run(&ALNUM, 24, 24)]),
        weak("resend_api_key", &[Run(&ALNUM, 32, 36)]),
    ];
    "dG9rOj" => [weak("intercom_token", &[Run(&BASE64, 40, 100)])];
    "sec-c-" => [strong("pubnub_secret_key", &[Run(&BASE64, 40, 60)])];
    "vk1.a." => [strong("vk_token", &[Run(&URL64, 80, 400)])];
    "AAAAAAAAAAAAAAAAAAAAA" => [weak("twitter_bearer_token", &[Run(&PERCENT, 60, 110)])];

    // Watching and counting.
    "NRAK-" => [strong("newrelic_key", &[Run(&ALNUM, 27, 27)])];
    "NRII-" => [strong("newrelic_key", &[Run(&URL64, 32, 32)])];
    "NRJS-" => [strong("newrelic_key", &[Run(&HEX, 19, 19)])];
    "NRRA-" => [strong("newrelic_key", &[Run(&HEX_ANY, 36, 48)])];
    "glsa_" => [strong("grafana_token", &[Run(&ALNUM, 32, 32), Lit("_"), Run(&HEX_ANY, 8, 8)])];
    "glc_" => [strong("grafana_token", &[Run(&BASE64, 32, 400)])];
    "eyJrIjoi" => [weak("grafana_api_key", &[Run(&BASE64, 60, 400)])];
    "sntrys_" => [strong("sentry_token", &[Open(&SENTRY, 60)])];
    "sntryu_" => [strong("sentry_token", &[Run(&HEX, 64, 64)])];
    "dt0" => [strong("dynatrace_token", &[
        Run(&SMALL, 1, 1), Run(&DIGIT, 2, 2), Lit("."), Run(&ALNUM, 24, 24), Lit("."), Run(&ALNUM, 64, 64),
    ])];
    "phx_" => [strong("posthog_key", &[Run(&ALNUM, 40, 60)])];
    "rootly_" => [strong("rootly_token", &[Run(&HEX, 64, 64)])];

    // Work, documents, data.
    "ATATT3" => [strong("atlassian_token", &[Run(&URL64_PADDED, 100, 300)])];
    "ATCTT3" => [strong("atlassian_token", &[Run(&URL64_PADDED, 100, 300)])];
    "ATTA" => [strong("trello_token", &[Run(&HEX, 64, 72)])];
    "lin_api_" => [strong("linear_api_key", &[Run(&ALNUM, 40, 48)])];
    "lin_oauth_" => [strong("linear_api_key", &[Run(&HEX, 64, 64)])];
    "secret_" => [weak("notion_token", &[Run(&ALNUM, 43, 43)])];
    "ntn_" => [strong("notion_token", &[Run(&ALNUM, 40, 50)])];
    "pat" => [
        weak("airtable_token", &[Run(&ALNUM, 14, 14), Lit("."), Run(&HEX, 64, 64)]),
        weak("harness_token", &[
            Lit("."), Run(&URL64, 22, 22), Lit("."), Run(&ALNUM, 24, 24), Lit("."), Run(&ALNUM, 20, 20),
        ]),
        strong("hubspot_token", &[Lit("-"), Run(&LOWER_ALNUM, 3, 3), Lit("-"), Uuid]),
    ];
    "sat." => [weak("harness_token", &[
        Run(&URL64, 22, 22), Lit("."), Run(&ALNUM, 24, 24), Lit("."), Run(&ALNUM, 20, 20),
    ])];
    "figd_" => [strong("figma_token", &[Run(&URL64, 36, 60)])];
    "fio-u-" => [strong("frameio_token", &[Run(&URL64_PADDED, 64, 64)])];
    "tfp_" => [strong("typeform_token", &[Run(&DOTTED, 40, 60)])];
    "CFPAT-" => [strong("contentful_token", &[Run(&URL64, 43, 43)])];
    "sl." => [weak("dropbox_token", &[Open(&DOTTED, 120)])];
    "aio_" => [weak("adafruit_key", &[Run(&ALNUM, 28, 28)])];
    "pk.eyJ1Ijoi" => [strong("mapbox_token", &[Run(&URL64, 40, 200), Lit("."), Run(&URL64, 20, 24)])];
    "sk.eyJ1Ijoi" => [strong("mapbox_token", &[Run(&URL64, 40, 200), Lit("."), Run(&URL64, 20, 24)])];
    "RGAPI-" => [strong("riot_api_key", &[Uuid])];
    "WPL_AP" => [strong("linkedin_secret", &[Run(&DIGIT, 1, 1), Lit("."), Run(&ALNUM, 16, 16), Lit("."), Run(&BASE64, 6, 12)])];
    "00D" => [weak("salesforce_token", &[Run(&ALNUM, 12, 15), Lit("!"), Run(&DOTTED, 80, 300)])];
    "3MVG9" => [strong("salesforce_consumer_key", &[Run(&DOTTED, 70, 100)])];
    "5Aep861" => [strong("salesforce_refresh_token", &[Run(&DOTTED, 60, 100)])];

    // Language models.
    "sk-" => [
        strong("anthropic_admin_key", &[Lit("ant-admin"), Run(&URL64, 40, 200)]),
        strong("anthropic_api_key", &[Lit("ant-"), Run(&URL64, 40, 200)]),
        strong("openai_api_key", &[Lit("proj-"), Run(&URL64, 40, 300)]),
        strong("openai_api_key", &[Lit("svcacct-"), Run(&URL64, 40, 300)]),
        strong("openai_admin_key", &[Lit("admin-"), Run(&URL64, 40, 300)]),
        strong("openrouter_api_key", &[Lit("or-"), Run(&URL64, 40, 100)]),
        strong("langfuse_secret_key", &[Lit("lf-"), Uuid]),
        weak("deepseek_api_key", &[Run(&HEX, 32, 32)]),
        weak("openai_api_key", &[Run(&ALNUM, 40, 64)]),
        weak("llm_api_key", &[Run(&URL64, 24, 250)]),
    ];
    "sess-" => [weak("openai_session_key", &[Run(&ALNUM, 40, 40)])];
    "gsk_" => [strong("groq_api_key", &[Run(&ALNUM, 40, 64)])];
    "xai-" => [strong("xai_api_key", &[Run(&ALNUM, 60, 100)])];
    "pplx-" => [strong("perplexity_api_key", &[Run(&ALNUM, 40, 64)])];
    "r8_" => [strong("replicate_token", &[Run(&ALNUM, 36, 40)])];
    "hf_" => [strong("huggingface_token", &[Run(&ALNUM, 30, 40)])];
    "api_org_" => [strong("huggingface_token", &[Run(&LETTER, 34, 34)])];
    "fw_" => [weak("fireworks_api_key", &[Run(&ALNUM, 20, 40)])];
    "csk-" => [weak("cerebras_api_key", &[Run(&ALNUM, 40, 64)])];
    "nvapi-" => [strong("nvidia_api_key", &[Run(&URL64, 60, 80)])];
    "pa-" => [weak("voyage_api_key", &[Run(&URL64, 40, 50)])];
    "pcsk_" => [strong("pinecone_api_key", &[Run(&WORD, 50, 90)])];
    "lsv2_" => [strong("langsmith_api_key", &[Run(&SMALL, 2, 2), Lit("_"), Run(&HEX, 32, 32), Lit("_"), Run(&HEX, 10, 10)])];
    "ls__" => [strong("langsmith_api_key", &[Run(&HEX, 32, 32)])];
    "wandb_v1_" => [strong("wandb_api_key", &[Run(&WORD, 40, 120)])];
    "llx-" => [strong("llamacloud_api_key", &[Run(&ALNUM, 40, 60)])];
    "tgp_v1_" => [strong("together_api_key", &[Run(&URL64, 40, 50)])];
    "tvly-" => [weak("tavily_api_key", &[Run(&URL64, 28, 64)])];
    "fc-" => [weak("firecrawl_api_key", &[Run(&HEX, 32, 32)])];
    "jina_" => [strong("jina_api_key", &[Run(&URL64, 50, 80)])];
    "esecret_" => [strong("anyscale_api_key", &[Run(&ALNUM, 20, 40)])];
    "flp_" => [strong("friendli_token", &[Run(&ALNUM, 36, 60)])];
    "rpa_" => [strong("runpod_api_key", &[Run(&ALNUM, 36, 50)])];
    "bb_live_" => [strong("browserbase_api_key", &[Run(&URL64, 24, 50)])];
    "hl_sk_" => [strong("humanloop_api_key", &[Run(&HEX, 32, 64)])];
    "key_" => [weak("api_key", &[Run(&HEX, 32, 64)])];
    "ctx7sk-" => [strong("context7_api_key", &[Uuid])];
    "VF.DM." => [strong("voiceflow_api_key", &[Run(&HEX, 24, 24), Lit("."), Run(&ALNUM, 16, 16)])];

    // Ours.
    "tg-" => [weak("tollgate_key", &[Run(&ALNUM, 43, 43)])];
}

/// The catalogue by prefix.
static SORTED: LazyLock<Vec<&Vendor>> = LazyLock::new(|| {
    let mut sorted: Vec<_> = CATALOGUE.iter().collect();
    sorted.sort_unstable_by_key(|vendor| vendor.prefix);
    sorted
});

/// Reads the token that begins here.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    if !opens(view, at) {
        return Probe::No;
    }
    let text = view.bytes.get(at..).unwrap_or_default();
    // No prefix begins with another: the last one that does not sort behind the text is the only one that may begin it.
    let place = SORTED.partition_point(|vendor| vendor.prefix.as_bytes() <= text);
    let vendor = place.checked_sub(1).and_then(|place| SORTED.get(place));
    let Some(vendor) = vendor.filter(|vendor| text.starts_with(vendor.prefix.as_bytes())) else {
        return Probe::No;
    };
    for form in vendor.forms {
        match form.probe(view, at, at + vendor.prefix.len()) {
            Ok(Probe::No) => {}
            Ok(answer) => return answer,
            Err(_) => return Probe::More { from: at },
        }
    }
    Probe::No
}

/// What tests need to make a token of every form.
#[cfg(test)]
pub(super) fn forms() -> impl Iterator<Item = (&'static str, &'static Form)> {
    CATALOGUE
        .iter()
        .flat_map(|vendor| vendor.forms.iter().map(|form| (vendor.prefix, form)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_begins_with_another() {
        for (place, vendor) in CATALOGUE.iter().enumerate() {
            for (other_place, other) in CATALOGUE.iter().enumerate() {
                assert!(
                    place == other_place || !vendor.prefix.starts_with(other.prefix),
                    "{} and {}",
                    vendor.prefix,
                    other.prefix
                );
            }
        }
    }
}
