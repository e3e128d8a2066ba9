//! Certificates that end soon, shown by real servers.

use carillon_core::rule::{Rule, SubjectKind};
use carillon_monitor::Endpoint;
use carillon_store::IncidentFilter;
use carillon_testbed::{Authority, TlsServer, free_port, wait_until_async};

use crate::on_both;
use crate::scene::{SOON, Scene};

fn endpoint(address: &str) -> Endpoint {
    Endpoint::parse(address).unwrap()
}

async fn wait_until_none_is_open(scene: &Scene) {
    wait_until_async("the incident to end", SOON, async || {
        let open = scene.store.open_incidents().await.unwrap();
        open.is_empty().then_some(())
    })
    .await;
}

on_both! {
    async fn a_certificate_that_ends_soon_is_mailed_once_until_a_newer_one_is_shown(scene) {
        let authority = Authority::create().unwrap();
        let issue = |days| authority.issue("somebody.else.example.org", days).unwrap();
        let (short, long, ended) = (issue(6), issue(8), issue(-3));
        let [short, long, ended] = [short, long, ended].map(|config| TlsServer::start(config).unwrap());
        // Who does not answer is not this rule's news.
        let nobody = format!("127.0.0.1:{}", free_port().unwrap());
        let addresses = [nobody, long.address(), short.address(), ended.address()];
        scene.options.certificates = addresses.iter().map(|address| endpoint(address)).collect();
        scene.start_monitor("mon-1");
        scene.start_monitor("mon-2");

        let mut told = scene.subjects(2);
        short.show(issue(90));
        ended.show(issue(90));
        let all = scene.subjects(4);
        scene.stop_monitors().await;

        told.sort();
        let begin = |server: &TlsServer, words| format!("[Carillon] the certificate of {} {words} at ", server.address());
        for (server, words) in [(&short, "ends"), (&ended, "has ended")] {
            let begin = begin(server, words);
            assert!(told.iter().any(|subject| subject.starts_with(&begin)), "{begin} in {told:?}");
        }
        assert!(all[2..].iter().all(|subject| subject.ends_with(" shows a newer certificate")), "{all:?}");
        assert!(scene.mail.mails()[0].text().contains("Issued by: testbed authority"));
        assert_eq!(scene.mail.mails().len(), 4);
        let filter = IncidentFilter { subject_kind: Some(SubjectKind::Endpoint), ..IncidentFilter::default() };
        let incidents = scene.store.incidents(&filter, 10).await.unwrap();
        assert!(incidents.len() == 2 && incidents.iter().all(|one| one.rule == Rule::CertificateExpiring));
    }

    async fn an_endpoint_that_is_no_longer_named_ends_its_incident_without_a_word(scene) {
        let authority = Authority::create().unwrap();
        let short = TlsServer::start(authority.issue("localhost", 1).unwrap()).unwrap();
        scene.options.certificates = vec![endpoint(&short.address())];
        scene.start_monitor("mon");
        scene.subjects(1);
        scene.stop_monitors().await;

        scene.options.certificates.clear();
        scene.start_monitor("mon");
        wait_until_none_is_open(&scene).await;
        scene.stop_monitors().await;

        assert_eq!(scene.mail.mails().len(), 1);
    }
}
