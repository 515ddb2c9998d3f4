BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE approval (
	order_id VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	decision VARCHAR(8) NOT NULL, 
	factor VARCHAR(16) NOT NULL, 
	reason VARCHAR(500), 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_approval PRIMARY KEY (order_id, version, person_id)
);
INSERT INTO "approval" VALUES('P7GH47PF5',1,'bea','4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d','approve','totp',NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "approval" VALUES('P7GH47PF5',1,'carl','4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d','approve','totp',NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "approval" VALUES('P8RHYNXT7',1,'bea','81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311','approve','totp',NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "approval" VALUES('P8RHYNXT7',1,'carl','81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311','approve','totp',NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "approval" VALUES('PNM5CKRWA',1,'bea','51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426','approve','totp',NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "approval" VALUES('PNM5CKRWA',1,'carl','51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426','approve','totp',NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "approval" VALUES('PXDVVCVAZ',1,'bea','95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8','approve','totp',NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "approval" VALUES('PXDVVCVAZ',1,'carl','95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8','approve','totp',NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "approval" VALUES('PCFV6BYS8',1,'bea','8caa30420b4ae54f1512ebb854c52f358f022138c7ceeb0d8e04ee7e3394fc23','approve','totp',NULL,'2026-11-24 09:04:00.000000');
INSERT INTO "approval" VALUES('PCFV6BYS8',1,'carl','8caa30420b4ae54f1512ebb854c52f358f022138c7ceeb0d8e04ee7e3394fc23','approve','totp',NULL,'2026-11-24 09:04:00.000000');
INSERT INTO "approval" VALUES('PZMGDF512',1,'bea','5183206d49e7b6e4f1243a71e3ad96c240be0c48925ce12cb6016c3c1955efcb','approve','totp',NULL,'2026-11-24 09:05:00.000000');
INSERT INTO "approval" VALUES('PWZE1EEFV',1,'bea','fc808703c302229bd0376188dc2c54e0a3c3a39f0be24a8840e03b9fbe6e0e7d','reject','none','no','2026-11-24 09:05:00.000000');
CREATE TABLE audit_entry (
	seq BIGINT NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR(64) NOT NULL, 
	kind VARCHAR(48) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	body TEXT NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_entry PRIMARY KEY (seq)
);
INSERT INTO "audit_entry" VALUES(1,'2026-11-24 09:00:00.000000','system','payee.registered','acme','{"actor":"system","at":"2026-11-24T09:00:00.000000+00:00","facts":{"iban":"DE75512108001245126199","name":"ACME GmbH","row":{"active":true,"bic":null,"country":null,"iban":"DE75512108001245126199","id":"acme","name":"ACME GmbH","trusted":true},"trusted":true},"kind":"payee.registered","seq":1,"subject":"acme"}','0000000000000000000000000000000000000000000000000000000000000000','ba871ce741ad59a09caa722b0e78f9c6de6238b7227143da6cd42cd9c794639a');
INSERT INTO "audit_entry" VALUES(2,'2026-11-24 09:00:00.000000','amara','factor.enrolled','amara','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":2,"subject":"amara"}','ba871ce741ad59a09caa722b0e78f9c6de6238b7227143da6cd42cd9c794639a','37fa874f7fa8168ed37bcbd5d6d7c9d2f60d9b6f8b037ad86a9e2f96100968ff');
INSERT INTO "audit_entry" VALUES(3,'2026-11-24 09:00:00.000000','bea','factor.enrolled','bea','{"actor":"bea","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":3,"subject":"bea"}','37fa874f7fa8168ed37bcbd5d6d7c9d2f60d9b6f8b037ad86a9e2f96100968ff','db557a89f4c9025912dcf6cfc7b3959da17da440eb03419ba9e9e9fa0593b6cf');
INSERT INTO "audit_entry" VALUES(4,'2026-11-24 09:00:00.000000','carl','factor.enrolled','carl','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":4,"subject":"carl"}','db557a89f4c9025912dcf6cfc7b3959da17da440eb03419ba9e9e9fa0593b6cf','5596340db6c123a54ad103128d13fac37c517af51547d345bc03f66fdbd17beb');
INSERT INTO "audit_entry" VALUES(5,'2026-11-24 09:00:00.000000','dong','factor.enrolled','dong','{"actor":"dong","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":5,"subject":"dong"}','5596340db6c123a54ad103128d13fac37c517af51547d345bc03f66fdbd17beb','0b96be87f4d7c0f93507d9e1645ac003ef4cc18b61b89e3e42eaf127b88fe762');
INSERT INTO "audit_entry" VALUES(6,'2026-11-24 09:00:00.000000','eve','factor.enrolled','eve','{"actor":"eve","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":6,"subject":"eve"}','0b96be87f4d7c0f93507d9e1645ac003ef4cc18b61b89e3e42eaf127b88fe762','4920c1b4b08652a7f5bca8d63d7c6a657b26ccf85d3a71f1031b3f20801bea32');
INSERT INTO "audit_entry" VALUES(7,'2026-11-24 09:00:00.000000','amara','order.requested','P7GH47PF5','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d","end_to_end_id":"CS-P7GH47PF5-DEDRVJCZDH","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:00:00.000000+00:00","payee_id":"acme","request_key":"test:1","risks":"[\"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":7,"subject":"P7GH47PF5"}','4920c1b4b08652a7f5bca8d63d7c6a657b26ccf85d3a71f1031b3f20801bea32','624e44d6a8d04bca11a2f428845c5a092b69e8d7e65ff502a4c22638e5a29c0a');
INSERT INTO "audit_entry" VALUES(8,'2026-11-24 09:00:00.000000','bea','order.approval','P7GH47PF5','{"actor":"bea","at":"2026-11-24T09:00:00.000000+00:00","facts":{"digest":"4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":8,"subject":"P7GH47PF5"}','624e44d6a8d04bca11a2f428845c5a092b69e8d7e65ff502a4c22638e5a29c0a','35c8eb8e7c4bf47c510e281996c61625ff8c5a1e9cc10162cdd871a0b537fe86');
INSERT INTO "audit_entry" VALUES(9,'2026-11-24 09:00:00.000000','carl','order.approval','P7GH47PF5','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"digest":"4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":9,"subject":"P7GH47PF5"}','35c8eb8e7c4bf47c510e281996c61625ff8c5a1e9cc10162cdd871a0b537fe86','443cacb51f5b725c55c9562c41f41ca2981efee5b297b3ca5fa04c9bf2d8139a');
INSERT INTO "audit_entry" VALUES(10,'2026-11-24 09:01:00.000000','system','order.released','P7GH47PF5','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d","end_to_end_id":"CS-P7GH47PF5-DEDRVJCZDH","from":"approved","instruction":{"attempts":0,"connector":"bank","order_id":"P7GH47PF5","request_id":"41411821-9a7f-521b-8a9d-26908aaf2cb3","service":"","state":"prepared","updated_at":"2026-11-24T09:01:00.000000+00:00"},"to":"released"},"kind":"order.released","seq":10,"subject":"P7GH47PF5"}','443cacb51f5b725c55c9562c41f41ca2981efee5b297b3ca5fa04c9bf2d8139a','069b4de6f70b00947d5eef918f6221297644865311ff6381ac6fa72bf0df322a');
INSERT INTO "audit_entry" VALUES(11,'2026-11-24 09:01:00.000000','system','instruction.sending','P7GH47PF5','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"attempt":1,"instruction":{"attempts":1,"sent_at":"2026-11-24T09:01:00.000000+00:00","state":"sending","updated_at":"2026-11-24T09:01:00.000000+00:00"},"request_id":"41411821-9a7f-521b-8a9d-26908aaf2cb3"},"kind":"instruction.sending","seq":11,"subject":"P7GH47PF5"}','069b4de6f70b00947d5eef918f6221297644865311ff6381ac6fa72bf0df322a','f9e4d9d737e3f595f34d7429d7171c0261a0eac8360c08a6d4f50b43509a5e08');
INSERT INTO "audit_entry" VALUES(12,'2026-11-24 09:01:00.000000','system','order.settled','P7GH47PF5','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"code":null,"detail":null,"from":"released","instruction":{"entry_reference":null,"reference":"R1","state":"closed","status":"ACSC","updated_at":"2026-11-24T09:01:00.000000+00:00","waiting_for_person":null},"reference":"R1","row":{"reason_code":null,"reason_text":null},"status":"ACSC","to":"settled","waiting_for_person":null},"kind":"order.settled","seq":12,"subject":"P7GH47PF5"}','f9e4d9d737e3f595f34d7429d7171c0261a0eac8360c08a6d4f50b43509a5e08','a5261e7608fdff45cb30d2cb46077c37673560306456c6628ad54b9cc2d1a61a');
INSERT INTO "audit_entry" VALUES(13,'2026-11-24 09:01:00.000000','system','receipt.stored','P7GH47PF5','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"booked_on":null,"media_type":"text/plain","official":false,"reference":"R1","sha256":"268ad70eb5bc4737a2ae28162cbca30118cc94520e49ef1ac5f72c85d3f2caa9"},"kind":"receipt.stored","seq":13,"subject":"P7GH47PF5"}','a5261e7608fdff45cb30d2cb46077c37673560306456c6628ad54b9cc2d1a61a','d9220b8d2c32abb2d94c7c973b4f21178f135ce67cd4407a4e9db1783eece6f1');
INSERT INTO "audit_entry" VALUES(14,'2026-11-24 09:01:00.000000','amara','order.requested','P8RHYNXT7','{"actor":"amara","at":"2026-11-24T09:01:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311","end_to_end_id":"CS-P8RHYNXT7-ZW87GY427T","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:01:00.000000+00:00","payee_id":"acme","request_key":"test:2","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":14,"subject":"P8RHYNXT7"}','d9220b8d2c32abb2d94c7c973b4f21178f135ce67cd4407a4e9db1783eece6f1','cb84e43698f52a02802fffa66669f64e9dd334a69dcf56a9fdccff81f97214d2');
INSERT INTO "audit_entry" VALUES(15,'2026-11-24 09:01:00.000000','bea','order.approval','P8RHYNXT7','{"actor":"bea","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":15,"subject":"P8RHYNXT7"}','cb84e43698f52a02802fffa66669f64e9dd334a69dcf56a9fdccff81f97214d2','977834919e384a9f411641373351280ea2cb03c3d600954885edcf1eb5f615c6');
INSERT INTO "audit_entry" VALUES(16,'2026-11-24 09:01:00.000000','carl','order.approval','P8RHYNXT7','{"actor":"carl","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":16,"subject":"P8RHYNXT7"}','977834919e384a9f411641373351280ea2cb03c3d600954885edcf1eb5f615c6','4c4b8bbde3bec90cfd5d4eede90ebf75bab87f9ec56a542a55f3703ff26b92b3');
INSERT INTO "audit_entry" VALUES(17,'2026-11-24 09:02:00.000000','system','order.released','P8RHYNXT7','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311","end_to_end_id":"CS-P8RHYNXT7-ZW87GY427T","from":"approved","instruction":{"attempts":0,"connector":"bank","order_id":"P8RHYNXT7","request_id":"1b756627-4734-51f9-9720-5d2c14b62363","service":"","state":"prepared","updated_at":"2026-11-24T09:02:00.000000+00:00"},"to":"released"},"kind":"order.released","seq":17,"subject":"P8RHYNXT7"}','4c4b8bbde3bec90cfd5d4eede90ebf75bab87f9ec56a542a55f3703ff26b92b3','c2bf44f8149bd8ab452b440e7e95700afbede79d4a4559046f82a4d8b4a0a9d9');
INSERT INTO "audit_entry" VALUES(18,'2026-11-24 09:02:00.000000','system','instruction.sending','P8RHYNXT7','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"attempt":1,"instruction":{"attempts":1,"sent_at":"2026-11-24T09:02:00.000000+00:00","state":"sending","updated_at":"2026-11-24T09:02:00.000000+00:00"},"request_id":"1b756627-4734-51f9-9720-5d2c14b62363"},"kind":"instruction.sending","seq":18,"subject":"P8RHYNXT7"}','c2bf44f8149bd8ab452b440e7e95700afbede79d4a4559046f82a4d8b4a0a9d9','f1d633c7a9bf81f219d100f367bdc568a52cf48eac914f0a3121c4106f075dfb');
INSERT INTO "audit_entry" VALUES(19,'2026-11-24 09:02:00.000000','system','order.failed','P8RHYNXT7','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"code":"FORMAT_ERROR","detail":"no such account","from":"released","instruction":{"state":"closed","updated_at":"2026-11-24T09:02:00.000000+00:00"},"row":{"reason_code":"FORMAT_ERROR","reason_text":"no such account"},"to":"failed"},"kind":"order.failed","seq":19,"subject":"P8RHYNXT7"}','f1d633c7a9bf81f219d100f367bdc568a52cf48eac914f0a3121c4106f075dfb','8451f49c0136e86638db6e9617f4b7abb39a5a6ee084b079bbbda9a4b4e06d3c');
INSERT INTO "audit_entry" VALUES(20,'2026-11-24 09:02:00.000000','amara','order.requested','PNM5CKRWA','{"actor":"amara","at":"2026-11-24T09:02:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426","end_to_end_id":"CS-PNM5CKRWA-GFXQ1K5NRY","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:02:00.000000+00:00","payee_id":"acme","request_key":"test:3","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":20,"subject":"PNM5CKRWA"}','8451f49c0136e86638db6e9617f4b7abb39a5a6ee084b079bbbda9a4b4e06d3c','ed52eab963a7ca03651335134edd73082f961915c107dc6fb74ff933123c59ee');
INSERT INTO "audit_entry" VALUES(21,'2026-11-24 09:02:00.000000','bea','order.approval','PNM5CKRWA','{"actor":"bea","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":21,"subject":"PNM5CKRWA"}','ed52eab963a7ca03651335134edd73082f961915c107dc6fb74ff933123c59ee','3839fb8fd829c37eca95606e74d69e1761392115c8d4fc4295f56bb5b0997e37');
INSERT INTO "audit_entry" VALUES(22,'2026-11-24 09:02:00.000000','carl','order.approval','PNM5CKRWA','{"actor":"carl","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":22,"subject":"PNM5CKRWA"}','3839fb8fd829c37eca95606e74d69e1761392115c8d4fc4295f56bb5b0997e37','f70840d1e407f0c702c760995a37a2d9b845022c20336dccc858ae19469168fb');
INSERT INTO "audit_entry" VALUES(23,'2026-11-24 09:03:00.000000','system','order.released','PNM5CKRWA','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426","end_to_end_id":"CS-PNM5CKRWA-GFXQ1K5NRY","from":"approved","instruction":{"attempts":0,"connector":"bank","order_id":"PNM5CKRWA","request_id":"434f03b9-920d-539e-b635-c487fb956778","service":"","state":"prepared","updated_at":"2026-11-24T09:03:00.000000+00:00"},"to":"released"},"kind":"order.released","seq":23,"subject":"PNM5CKRWA"}','f70840d1e407f0c702c760995a37a2d9b845022c20336dccc858ae19469168fb','0d8980e26eb234de2dca4f584f76362f4a7a9676ea1f8b3f45167cad2e0cf90e');
INSERT INTO "audit_entry" VALUES(24,'2026-11-24 09:03:00.000000','system','instruction.sending','PNM5CKRWA','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"attempt":1,"instruction":{"attempts":1,"sent_at":"2026-11-24T09:03:00.000000+00:00","state":"sending","updated_at":"2026-11-24T09:03:00.000000+00:00"},"request_id":"434f03b9-920d-539e-b635-c487fb956778"},"kind":"instruction.sending","seq":24,"subject":"PNM5CKRWA"}','0d8980e26eb234de2dca4f584f76362f4a7a9676ea1f8b3f45167cad2e0cf90e','b57f21ac4fd9b964ec588316e9309678ca6521472b810a5b7f90fbcc48b6b918');
INSERT INTO "audit_entry" VALUES(25,'2026-11-24 09:03:00.000000','system','order.submitted','PNM5CKRWA','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"code":null,"detail":null,"from":"released","instruction":{"entry_reference":null,"reference":"R1","state":"acknowledged","status":"ACSP","updated_at":"2026-11-24T09:03:00.000000+00:00","waiting_for_person":null},"reference":"R1","row":{"reason_code":null,"reason_text":null},"status":"ACSP","to":"submitted","waiting_for_person":null},"kind":"order.submitted","seq":25,"subject":"PNM5CKRWA"}','b57f21ac4fd9b964ec588316e9309678ca6521472b810a5b7f90fbcc48b6b918','ea0ec22d9e41e4de5be60e6f54e255fb13e20e133b6d786693934db885c96a26');
INSERT INTO "audit_entry" VALUES(26,'2026-11-24 09:03:00.000000','amara','order.requested','PXDVVCVAZ','{"actor":"amara","at":"2026-11-24T09:03:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8","end_to_end_id":"CS-PXDVVCVAZ-4CHHPP3Q5B","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:03:00.000000+00:00","payee_id":"acme","request_key":"test:4","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":26,"subject":"PXDVVCVAZ"}','ea0ec22d9e41e4de5be60e6f54e255fb13e20e133b6d786693934db885c96a26','17048c024badd9f5f5a2fceec23656378ad81086bd194a8cd9b503031012b4e0');
INSERT INTO "audit_entry" VALUES(27,'2026-11-24 09:03:00.000000','bea','order.approval','PXDVVCVAZ','{"actor":"bea","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":27,"subject":"PXDVVCVAZ"}','17048c024badd9f5f5a2fceec23656378ad81086bd194a8cd9b503031012b4e0','f2a10405931b597da2e03137947651ef2def95e829cde3bf0b52fe4763741d19');
INSERT INTO "audit_entry" VALUES(28,'2026-11-24 09:03:00.000000','carl','order.approval','PXDVVCVAZ','{"actor":"carl","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":28,"subject":"PXDVVCVAZ"}','f2a10405931b597da2e03137947651ef2def95e829cde3bf0b52fe4763741d19','1df23f3bfb92dea808d04b87c17cde08e5f18d4d96781b104c5d1ea17458e9c0');
INSERT INTO "audit_entry" VALUES(29,'2026-11-24 09:04:00.000000','system','order.released','PXDVVCVAZ','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8","end_to_end_id":"CS-PXDVVCVAZ-4CHHPP3Q5B","from":"approved","instruction":{"attempts":0,"connector":"bank","order_id":"PXDVVCVAZ","request_id":"82616c98-419d-5533-9c9f-86f2b18ca3de","service":"","state":"prepared","updated_at":"2026-11-24T09:04:00.000000+00:00"},"to":"released"},"kind":"order.released","seq":29,"subject":"PXDVVCVAZ"}','1df23f3bfb92dea808d04b87c17cde08e5f18d4d96781b104c5d1ea17458e9c0','83a270db507cd9565b397519af75d73088cbb5dc5d2fa8833881e25ae9b77afa');
INSERT INTO "audit_entry" VALUES(30,'2026-11-24 09:04:00.000000','system','instruction.sending','PXDVVCVAZ','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"attempt":1,"instruction":{"attempts":1,"sent_at":"2026-11-24T09:04:00.000000+00:00","state":"sending","updated_at":"2026-11-24T09:04:00.000000+00:00"},"request_id":"82616c98-419d-5533-9c9f-86f2b18ca3de"},"kind":"instruction.sending","seq":30,"subject":"PXDVVCVAZ"}','83a270db507cd9565b397519af75d73088cbb5dc5d2fa8833881e25ae9b77afa','82c26fe470c631a3cab7ca8afbbd7e4ef97f3d3da77faa323337e84a343863c5');
INSERT INTO "audit_entry" VALUES(31,'2026-11-24 09:04:00.000000','system','order.unknown','PXDVVCVAZ','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"alarm":false,"code":"http.timeout","detail":"","from":"released","instruction":{"state":"unknown","updated_at":"2026-11-24T09:04:00.000000+00:00"},"row":{"reason_code":"http.timeout","reason_text":null},"to":"unknown"},"kind":"order.unknown","seq":31,"subject":"PXDVVCVAZ"}','82c26fe470c631a3cab7ca8afbbd7e4ef97f3d3da77faa323337e84a343863c5','f1cf365ae5e33a9c9f30182fe5dbaebb74f6c11d7569f977502d4d5f16048ddb');
INSERT INTO "audit_entry" VALUES(32,'2026-11-24 09:04:00.000000','amara','order.requested','PCFV6BYS8','{"actor":"amara","at":"2026-11-24T09:04:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"8caa30420b4ae54f1512ebb854c52f358f022138c7ceeb0d8e04ee7e3394fc23","end_to_end_id":"CS-PCFV6BYS8-YFBF4T6M6K","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:04:00.000000+00:00","payee_id":"acme","request_key":"test:5","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":32,"subject":"PCFV6BYS8"}','f1cf365ae5e33a9c9f30182fe5dbaebb74f6c11d7569f977502d4d5f16048ddb','9153753940801a837a064c6e2e410353e278cf66fbebb2e9ce381070a8842ea9');
INSERT INTO "audit_entry" VALUES(33,'2026-11-24 09:04:00.000000','bea','order.approval','PCFV6BYS8','{"actor":"bea","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"8caa30420b4ae54f1512ebb854c52f358f022138c7ceeb0d8e04ee7e3394fc23","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":33,"subject":"PCFV6BYS8"}','9153753940801a837a064c6e2e410353e278cf66fbebb2e9ce381070a8842ea9','315b0e9e08e8f7de33de56992ba6a724814c2c74d08fa3e0ffed95b75fee4216');
INSERT INTO "audit_entry" VALUES(34,'2026-11-24 09:04:00.000000','carl','order.approval','PCFV6BYS8','{"actor":"carl","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"8caa30420b4ae54f1512ebb854c52f358f022138c7ceeb0d8e04ee7e3394fc23","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":34,"subject":"PCFV6BYS8"}','315b0e9e08e8f7de33de56992ba6a724814c2c74d08fa3e0ffed95b75fee4216','d19c4f12a400edccd92affaa75b5146d7b932c9392136acf34c7fb5a1cad6900');
INSERT INTO "audit_entry" VALUES(35,'2026-11-24 09:05:00.000000','amara','order.requested','PZMGDF512','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"5183206d49e7b6e4f1243a71e3ad96c240be0c48925ce12cb6016c3c1955efcb","end_to_end_id":"CS-PZMGDF512-7JYWQFNEFF","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:05:00.000000+00:00","payee_id":"acme","request_key":"test:6","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":35,"subject":"PZMGDF512"}','d19c4f12a400edccd92affaa75b5146d7b932c9392136acf34c7fb5a1cad6900','91d62b34c4a0d52535fb452daf43cf5f93ae0737d5756759979ecf7d1a7a1ac3');
INSERT INTO "audit_entry" VALUES(36,'2026-11-24 09:05:00.000000','bea','order.approval','PZMGDF512','{"actor":"bea","at":"2026-11-24T09:05:00.000000+00:00","facts":{"digest":"5183206d49e7b6e4f1243a71e3ad96c240be0c48925ce12cb6016c3c1955efcb","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":36,"subject":"PZMGDF512"}','91d62b34c4a0d52535fb452daf43cf5f93ae0737d5756759979ecf7d1a7a1ac3','87bbc841db436064c02a4ec1e006823b4ca956dd3dcc8c43b9beeeb053eae30a');
INSERT INTO "audit_entry" VALUES(37,'2026-11-24 09:05:00.000000','amara','order.requested','PXXNA0X56','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"80e4ab42948aac89a3b0395f3984de689285fe8a24770d5fc5b389c8b1a58c00","end_to_end_id":"CS-PXXNA0X56-JMRCTMM3GH","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:05:00.000000+00:00","payee_id":"acme","request_key":"test:7","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":37,"subject":"PXXNA0X56"}','87bbc841db436064c02a4ec1e006823b4ca956dd3dcc8c43b9beeeb053eae30a','79440980f26e49f74cfaff35be6432d3c769fb4213f1fd68805ebd6ff46eca6b');
INSERT INTO "audit_entry" VALUES(38,'2026-11-24 09:05:00.000000','amara','order.requested','PWZE1EEFV','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"fc808703c302229bd0376188dc2c54e0a3c3a39f0be24a8840e03b9fbe6e0e7d","end_to_end_id":"CS-PWZE1EEFV-7SY89Q5CPG","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:05:00.000000+00:00","payee_id":"acme","request_key":"test:8","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":38,"subject":"PWZE1EEFV"}','79440980f26e49f74cfaff35be6432d3c769fb4213f1fd68805ebd6ff46eca6b','6895c5d9f11bc3bf959bdf93827488dab20ceb32db35fe220562efd94e61b8c4');
INSERT INTO "audit_entry" VALUES(39,'2026-11-24 09:05:00.000000','bea','order.rejected','PWZE1EEFV','{"actor":"bea","at":"2026-11-24T09:05:00.000000+00:00","facts":{"digest":"fc808703c302229bd0376188dc2c54e0a3c3a39f0be24a8840e03b9fbe6e0e7d","from":"pending","reason":"no","row":{"reason_code":"rejected","reason_text":"no"},"to":"rejected","version":1},"kind":"order.rejected","seq":39,"subject":"PWZE1EEFV"}','6895c5d9f11bc3bf959bdf93827488dab20ceb32db35fe220562efd94e61b8c4','42daafe3af37728f52feab94ddaf258561b60b0722632719d7eab0ed8ca4d5c7');
CREATE TABLE balance_reading (
	account_id VARCHAR(64) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	booked_minor BIGINT, 
	available_minor BIGINT, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_balance_reading PRIMARY KEY (account_id)
);
CREATE TABLE chat_identity (
	chat VARCHAR(16) NOT NULL, 
	external_id VARCHAR(64) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	linked_at DATETIME NOT NULL, 
	unlinked_at DATETIME, 
	unreachable_since DATETIME, 
	CONSTRAINT pk_chat_identity PRIMARY KEY (chat, external_id), 
	CONSTRAINT uq_chat_identity_chat_person_id UNIQUE (chat, person_id)
);
CREATE TABLE chat_preference (
	person_id VARCHAR(64) NOT NULL, 
	chat VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_chat_preference PRIMARY KEY (person_id)
);
CREATE TABLE chat_unreachable (
	chat VARCHAR(16) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	since DATETIME NOT NULL, 
	CONSTRAINT pk_chat_unreachable PRIMARY KEY (chat, person_id)
);
CREATE TABLE checkpoint (
	seq BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	signature VARCHAR(88), 
	CONSTRAINT pk_checkpoint PRIMARY KEY (seq)
);
CREATE TABLE connector_state (
	connector VARCHAR(64) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_connector_state PRIMARY KEY (connector, "key")
);
CREATE TABLE cursor (
	name VARCHAR(64) NOT NULL, 
	seq BIGINT NOT NULL, 
	CONSTRAINT pk_cursor PRIMARY KEY (name)
);
CREATE TABLE document (
	id INTEGER NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	media_type VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	period_from DATE NOT NULL, 
	period_to DATE NOT NULL, 
	collected_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(64), 
	reason_facts TEXT, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_document PRIMARY KEY (id), 
	CONSTRAINT uq_document_account_id_sha256 UNIQUE (account_id, sha256)
);
CREATE TABLE enrolment (
	token_hash VARCHAR(64) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	secret BLOB NOT NULL, 
	expires_at DATETIME NOT NULL, 
	failures INTEGER NOT NULL, 
	used_at DATETIME, 
	opener VARCHAR(80), 
	CONSTRAINT pk_enrolment PRIMARY KEY (token_hash)
);
CREATE TABLE freeze (
	id INTEGER NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	reason VARCHAR(300) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_freeze PRIMARY KEY (id)
);
CREATE TABLE freeze_consent (
	person_id VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_freeze_consent PRIMARY KEY (person_id)
);
CREATE TABLE home_viewer (
	chat VARCHAR(16) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_home_viewer PRIMARY KEY (chat, person_id)
);
CREATE TABLE instruction (
	order_id VARCHAR(16) NOT NULL, 
	request_id VARCHAR(36) NOT NULL, 
	service VARCHAR(64) NOT NULL, 
	connector VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	sent_at DATETIME, 
	reference VARCHAR(128), 
	status VARCHAR(16), 
	waiting_for_person VARCHAR(500), 
	entry_reference VARCHAR(128), 
	cancel_asked_by VARCHAR(64), 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_instruction PRIMARY KEY (order_id), 
	CONSTRAINT uq_instruction_request_id UNIQUE (request_id)
);
INSERT INTO "instruction" VALUES('P7GH47PF5','41411821-9a7f-521b-8a9d-26908aaf2cb3','','bank','closed',1,'2026-11-24 09:01:00.000000','R1','ACSC',NULL,NULL,NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "instruction" VALUES('P8RHYNXT7','1b756627-4734-51f9-9720-5d2c14b62363','','bank','closed',1,'2026-11-24 09:02:00.000000',NULL,NULL,NULL,NULL,NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "instruction" VALUES('PNM5CKRWA','434f03b9-920d-539e-b635-c487fb956778','','bank','acknowledged',1,'2026-11-24 09:03:00.000000','R1','ACSP',NULL,NULL,NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "instruction" VALUES('PXDVVCVAZ','82616c98-419d-5533-9c9f-86f2b18ca3de','','bank','unknown',1,'2026-11-24 09:04:00.000000',NULL,NULL,NULL,NULL,NULL,'2026-11-24 09:04:00.000000');
CREATE TABLE kept_file (
	id VARCHAR(24) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	order_id VARCHAR(16), 
	name VARCHAR(120) NOT NULL, 
	media_type VARCHAR(80) NOT NULL, 
	size INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	stored_at DATETIME NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_kept_file PRIMARY KEY (id)
);
CREATE TABLE link_token (
	token_hash VARCHAR(64) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	chat VARCHAR(16) NOT NULL, 
	expires_at DATETIME NOT NULL, 
	claimed_by VARCHAR(64), 
	used_at DATETIME, 
	failures INTEGER NOT NULL, 
	CONSTRAINT pk_link_token PRIMARY KEY (token_hash)
);
CREATE TABLE payee (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(70) NOT NULL, 
	iban VARCHAR(34) NOT NULL, 
	bic VARCHAR(11), 
	country VARCHAR(2), 
	trusted BOOLEAN NOT NULL, 
	changed_at DATETIME, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_payee PRIMARY KEY (id)
);
INSERT INTO "payee" VALUES('acme','ACME GmbH','DE75512108001245126199',NULL,NULL,1,NULL,1);
CREATE TABLE payment_order (
	id VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	request_key VARCHAR(200) NOT NULL, 
	requester_id VARCHAR(64) NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	debtor_iban VARCHAR(34) NOT NULL, 
	connector VARCHAR(64) NOT NULL, 
	payee_id VARCHAR(64), 
	creditor_name VARCHAR(70) NOT NULL, 
	creditor_iban VARCHAR(34) NOT NULL, 
	creditor_bic VARCHAR(11), 
	creditor_country VARCHAR(2), 
	amount_minor BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	remittance VARCHAR(140) NOT NULL, 
	execution_date DATE, 
	end_to_end_id VARCHAR(35) NOT NULL, 
	verdict TEXT NOT NULL, 
	risks TEXT NOT NULL, 
	attachments TEXT NOT NULL, 
	origin_channel VARCHAR(64), 
	reason_code VARCHAR(64), 
	reason_text VARCHAR(500), 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_payment_order PRIMARY KEY (id), 
	CONSTRAINT uq_payment_order_request_key UNIQUE (request_key), 
	CONSTRAINT uq_payment_order_end_to_end_id UNIQUE (end_to_end_id)
);
INSERT INTO "payment_order" VALUES('P7GH47PF5',1,5,'settled','4ca9055492624262daec6b88e79f34aa2b63e3342534d4886ca5cff394c2035d','test:1','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-P7GH47PF5-DEDRVJCZDH','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:00:00.000000','2026-11-27 09:00:00.000000','2026-11-24 09:01:00.000000');
INSERT INTO "payment_order" VALUES('P8RHYNXT7',1,5,'failed','81b8a9a9681ac05cf255f0ce26d3b383b2b77c236418cfc1ec856ca6c1ec5311','test:2','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-P8RHYNXT7-ZW87GY427T','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,'FORMAT_ERROR','no such account','2026-11-24 09:01:00.000000','2026-11-27 09:01:00.000000','2026-11-24 09:02:00.000000');
INSERT INTO "payment_order" VALUES('PNM5CKRWA',1,5,'submitted','51019afbeb3813970a31ed821f4f3bcc901003e2de4bc57cf8d0dc4d408d9426','test:3','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PNM5CKRWA-GFXQ1K5NRY','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:02:00.000000','2026-11-27 09:02:00.000000','2026-11-24 09:03:00.000000');
INSERT INTO "payment_order" VALUES('PXDVVCVAZ',1,5,'unknown','95e1423957beb7f097c676fc41dde25d8602f3774099383870a1fa8fa159b7d8','test:4','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PXDVVCVAZ-4CHHPP3Q5B','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,'http.timeout',NULL,'2026-11-24 09:03:00.000000','2026-11-27 09:03:00.000000','2026-11-24 09:04:00.000000');
INSERT INTO "payment_order" VALUES('PCFV6BYS8',1,3,'approved','8caa30420b4ae54f1512ebb854c52f358f022138c7ceeb0d8e04ee7e3394fc23','test:5','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PCFV6BYS8-YFBF4T6M6K','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:04:00.000000','2026-11-27 09:04:00.000000','2026-11-24 09:04:00.000000');
INSERT INTO "payment_order" VALUES('PZMGDF512',1,2,'pending','5183206d49e7b6e4f1243a71e3ad96c240be0c48925ce12cb6016c3c1955efcb','test:6','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PZMGDF512-7JYWQFNEFF','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
INSERT INTO "payment_order" VALUES('PXXNA0X56',1,1,'pending','80e4ab42948aac89a3b0395f3984de689285fe8a24770d5fc5b389c8b1a58c00','test:7','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PXXNA0X56-JMRCTMM3GH','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
INSERT INTO "payment_order" VALUES('PWZE1EEFV',1,2,'rejected','fc808703c302229bd0376188dc2c54e0a3c3a39f0be24a8840e03b9fbe6e0e7d','test:8','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PWZE1EEFV-7SY89Q5CPG','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,'rejected','no','2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
CREATE TABLE posted_card (
	chat VARCHAR(16) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	audience VARCHAR(80) NOT NULL, 
	channel VARCHAR(64), 
	message_id VARCHAR(64), 
	rendered VARCHAR(64), 
	posted_at DATETIME, 
	CONSTRAINT pk_posted_card PRIMARY KEY (chat, subject, audience)
);
CREATE TABLE receipt (
	order_id VARCHAR(16) NOT NULL, 
	reference VARCHAR(128) NOT NULL, 
	media_type VARCHAR(64) NOT NULL, 
	content BLOB NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	booked_on DATE, 
	is_official BOOLEAN NOT NULL, 
	stored_at DATETIME NOT NULL, 
	CONSTRAINT pk_receipt PRIMARY KEY (order_id)
);
INSERT INTO "receipt" VALUES('P7GH47PF5','R1','text/plain',X'70616964','268ad70eb5bc4737a2ae28162cbca30118cc94520e49ef1ac5f72c85d3f2caa9',NULL,0,'2026-11-24 09:01:00.000000');
CREATE TABLE record_node (
	level INTEGER NOT NULL, 
	position BIGINT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_record_node PRIMARY KEY (level, position)
);
CREATE TABLE replica (
	id VARCHAR(64) NOT NULL, 
	started_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	taken_by VARCHAR(64), 
	taken_until DATETIME, 
	CONSTRAINT pk_replica PRIMARY KEY (id)
);
CREATE TABLE second_factor (
	person_id VARCHAR(64) NOT NULL, 
	secret BLOB NOT NULL, 
	last_step BIGINT NOT NULL, 
	failures INTEGER NOT NULL, 
	locked_until DATETIME, 
	enrolled_at DATETIME NOT NULL, 
	CONSTRAINT pk_second_factor PRIMARY KEY (person_id)
);
INSERT INTO "second_factor" VALUES('amara',X'0157CADB64615A32EE3FCA6444BF9F4974BADD6539288E628F20C3CC3A4B12FF6755CE9904A90CD9EEA17EC3E9F3FAB62B8CADF8CC8C66387EA83D6027',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('bea',X'015042D536CB965F2BCFF818A540D4F1E3D4B58747C5AD01B888B1921AD51838F1950E66FAC3C2D53EA9A2EC6FDCC4D414A08C7655B28A252522422F96',59850370,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('carl',X'0129F36B48541858027A40E3ED89F24FC4E9C44F47EB68906AA029B450527294B205E67A7CA3BE50138AE61E57B75B4CB92A35528E04B86784E37174D4',59850368,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('dong',X'013B69DA94D0230C6EF0058F7BD898E8DD4FB4D74195C64C4F569D47939A18D686DB49EAC4860542C04DA5EA9E307AC94C9A37EA947A144376B75486E2',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('eve',X'01D31E28CBBC5FACF84DF912F85C3BC156A900E8E0411B40000100F719CEECEA7C544F063F3B739CE59F50920BEDB6F63EF1CB90C5F108E162D28642C0',0,0,NULL,'2026-11-24 09:00:00.000000');
CREATE TABLE statement (
	id INTEGER NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	document_id INTEGER NOT NULL, 
	period_from DATE NOT NULL, 
	period_to DATE NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	opening_minor BIGINT NOT NULL, 
	closing_minor BIGINT NOT NULL, 
	entries INTEGER NOT NULL, 
	synced_at DATETIME NOT NULL, 
	CONSTRAINT pk_statement PRIMARY KEY (id)
);
CREATE TABLE statement_entry (
	id INTEGER NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	"key" VARCHAR(256) NOT NULL, 
	statement_id INTEGER NOT NULL, 
	amount_minor BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	booking_date DATE NOT NULL, 
	value_date DATE, 
	end_to_end_id VARCHAR(64), 
	counterparty_name VARCHAR(140), 
	counterparty_account VARCHAR(64), 
	remittance VARCHAR(500) NOT NULL, 
	institution_reference VARCHAR(256), 
	order_id VARCHAR(16), 
	matched_at DATETIME, 
	break_reason VARCHAR(32), 
	CONSTRAINT pk_statement_entry PRIMARY KEY (id), 
	CONSTRAINT uq_statement_entry_account_id_key UNIQUE (account_id, "key")
);
CREATE TABLE telegram_deep_link (
	id VARCHAR(24) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	value TEXT NOT NULL, 
	user_id BIGINT NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_telegram_deep_link PRIMARY KEY (id)
);
CREATE TABLE telegram_dialogue (
	id VARCHAR(16) NOT NULL, 
	user_id BIGINT NOT NULL, 
	message_id BIGINT, 
	content BLOB NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_telegram_dialogue PRIMARY KEY (id)
);
CREATE TABLE telegram_group (
	old_id BIGINT NOT NULL, 
	new_id BIGINT NOT NULL, 
	CONSTRAINT pk_telegram_group PRIMARY KEY (old_id)
);
CREATE TABLE telegram_message (
	id VARCHAR(16) NOT NULL, 
	chat_id BIGINT NOT NULL, 
	user_id BIGINT NOT NULL, 
	message_id BIGINT, 
	content TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_telegram_message PRIMARY KEY (id)
);
CREATE TABLE telegram_update (
	update_id BIGINT NOT NULL, 
	sender_id BIGINT NOT NULL, 
	received_at DATETIME NOT NULL, 
	payload TEXT, 
	attempts INTEGER NOT NULL, 
	claimed_until DATETIME, 
	done_at DATETIME, 
	problem VARCHAR(200), 
	CONSTRAINT pk_telegram_update PRIMARY KEY (update_id)
);
CREATE TABLE told (
	chat VARCHAR(16) NOT NULL, 
	seq BIGINT NOT NULL, 
	audience VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_told PRIMARY KEY (chat, seq, audience)
);
CREATE INDEX ix_audit_entry_subject ON audit_entry (subject, seq);
CREATE INDEX ix_payment_order_state ON payment_order (state, expires_at);
CREATE INDEX ix_payment_order_requester ON payment_order (requester_id, created_at);
CREATE INDEX ix_payment_order_twin ON payment_order (creditor_iban, amount_minor, created_at);
CREATE INDEX ix_kept_file_order_id ON kept_file (order_id);
CREATE INDEX ix_kept_file_person ON kept_file (person_id, stored_at);
CREATE INDEX ix_instruction_connector ON instruction (connector, state, sent_at);
CREATE INDEX ix_telegram_update_waiting ON telegram_update (sender_id, update_id) WHERE done_at IS NULL;
CREATE INDEX ix_telegram_message_created_at ON telegram_message (created_at);
CREATE INDEX ix_telegram_message_place ON telegram_message (chat_id, message_id);
CREATE INDEX ix_telegram_dialogue_updated_at ON telegram_dialogue (updated_at);
CREATE INDEX ix_telegram_dialogue_user_id ON telegram_dialogue (user_id, updated_at);
CREATE INDEX ix_telegram_deep_link_created_at ON telegram_deep_link (created_at);
CREATE INDEX ix_document_account_state ON document (account_id, state, period_to, seen_at);
CREATE INDEX ix_statement_account ON statement (account_id, id);
CREATE INDEX ix_statement_entry_break ON statement_entry (account_id, booking_date) WHERE break_reason IS NOT NULL;
CREATE INDEX ix_statement_entry_end_to_end_id ON statement_entry (end_to_end_id);
CREATE INDEX ix_statement_entry_order_id ON statement_entry (order_id);
CREATE INDEX ix_statement_entry_booking_date ON statement_entry (account_id, booking_date);
COMMIT;
