BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE approval (
	order_id VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	decision VARCHAR(8) NOT NULL, 
	factor VARCHAR(16) NOT NULL, 
	reason VARCHAR(500), 
	at DATETIME NOT NULL, 
	stage INTEGER NOT NULL, 
	withdrawn_at DATETIME, 
	on_behalf_of VARCHAR(64), 
	CONSTRAINT pk_approval PRIMARY KEY (order_id, version, person_id)
);
INSERT INTO "approval" VALUES('P2Q5XT2V1',1,'bea','81ceff24cd837ca88a972ebcf46bc1cbe61e95d7b5ca7c831d7f0fcd02eaa4fb','approve','totp',NULL,'2026-11-24 09:01:00.000000',1,NULL,NULL);
INSERT INTO "approval" VALUES('P2Q5XT2V1',1,'greta','81ceff24cd837ca88a972ebcf46bc1cbe61e95d7b5ca7c831d7f0fcd02eaa4fb','approve','totp',NULL,'2026-11-24 09:01:30.000000',1,NULL,'carl');
INSERT INTO "approval" VALUES('P1BJ4DQN1',1,'bea','226ad0fa7dfcab37002a7bb3baacbbf164bca5b3e325810b704a75a2439403e0','approve','totp',NULL,'2026-11-24 09:03:00.000000',1,'2026-11-24 09:03:00.000000',NULL);
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
INSERT INTO "audit_entry" VALUES(1,'2026-11-24 09:00:00.000000','system','payee.registered','acme','{"actor":"system","at":"2026-11-24T09:00:00.000000+00:00","facts":{"iban":"DE75512108001245126199","name":"ACME GmbH","row":{"active":true,"bic":null,"country":null,"iban":"DE75512108001245126199","id":"acme","name":"ACME GmbH","tags":"[]","trusted":true},"trusted":true},"kind":"payee.registered","seq":1,"subject":"acme"}','0000000000000000000000000000000000000000000000000000000000000000','df415addbbf5dcf94f389ab240ea56fa2911791a2ad905c9f4e20987ee619fb8');
INSERT INTO "audit_entry" VALUES(2,'2026-11-24 09:00:00.000000','amara','factor.enrolled','amara','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":2,"subject":"amara"}','df415addbbf5dcf94f389ab240ea56fa2911791a2ad905c9f4e20987ee619fb8','23f1060c9cdfae7d45201ec60bf48412c20308a5523ebb12f6dc7da3543f6f1e');
INSERT INTO "audit_entry" VALUES(3,'2026-11-24 09:00:00.000000','bea','factor.enrolled','bea','{"actor":"bea","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":3,"subject":"bea"}','23f1060c9cdfae7d45201ec60bf48412c20308a5523ebb12f6dc7da3543f6f1e','a1f212dc2d6aa2103e9e9b8ce1eb5ca0ce37fd68a9bb99b4ea15af904a99dc78');
INSERT INTO "audit_entry" VALUES(4,'2026-11-24 09:00:00.000000','carl','factor.enrolled','carl','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":4,"subject":"carl"}','a1f212dc2d6aa2103e9e9b8ce1eb5ca0ce37fd68a9bb99b4ea15af904a99dc78','473e9ada3ec49a6748dbe2abaead1abdd63dad5cc67fa24b820213454e474103');
INSERT INTO "audit_entry" VALUES(5,'2026-11-24 09:00:00.000000','dong','factor.enrolled','dong','{"actor":"dong","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":5,"subject":"dong"}','473e9ada3ec49a6748dbe2abaead1abdd63dad5cc67fa24b820213454e474103','6a57650b7bd621f24cbc80ec6a7480d674f81c026fac9ead6e7f9ec7e02840fb');
INSERT INTO "audit_entry" VALUES(6,'2026-11-24 09:00:00.000000','eve','factor.enrolled','eve','{"actor":"eve","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":6,"subject":"eve"}','6a57650b7bd621f24cbc80ec6a7480d674f81c026fac9ead6e7f9ec7e02840fb','9aca424dc872ab32cd614f45e3b162c0f886e14ca43813e59daa3ad880d1a6c1');
INSERT INTO "audit_entry" VALUES(7,'2026-11-24 09:00:00.000000','carl','proposal.made','QSVW6TRWZ2D','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"about":"carl","digest":"6fce3ff4c0f1539593df95e71af851d5755a6496c3a51b4f8ba0a7e49f69b8ab","of":"delegation","row":{"closed_at":null,"content":"{\"delegate\":\"greta\",\"ends_on\":\"2026-11-30\",\"person\":\"carl\",\"reason\":\"Holidays\",\"starts_on\":\"2026-11-24\"}","created_at":"2026-11-24T09:00:00.000000+00:00","digest":"6fce3ff4c0f1539593df95e71af851d5755a6496c3a51b4f8ba0a7e49f69b8ab","expires_at":"2026-12-01T09:00:00.000000+00:00","id":"QSVW6TRWZ2D","kind":"delegation","proposer_id":"carl","reason":null,"state":"open","subject":"carl"}},"kind":"proposal.made","seq":7,"subject":"QSVW6TRWZ2D"}','9aca424dc872ab32cd614f45e3b162c0f886e14ca43813e59daa3ad880d1a6c1','ce697114921a94fa95eee006df7b980111bd25f3c19f9b8f5107e689725d69bf');
INSERT INTO "audit_entry" VALUES(8,'2026-11-24 09:00:00.000000','ada','factor.enrolled','ada','{"actor":"ada","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":8,"subject":"ada"}','ce697114921a94fa95eee006df7b980111bd25f3c19f9b8f5107e689725d69bf','c07d32bba83da5d6b45b7dc84384a656061b52d0be221c36d6dfeafad0a746c3');
INSERT INTO "audit_entry" VALUES(9,'2026-11-24 09:00:30.000000','ada','proposal.approved','QSVW6TRWZ2D','{"actor":"ada","at":"2026-11-24T09:00:30.000000+00:00","facts":{"acknowledged":false,"digest":"6fce3ff4c0f1539593df95e71af851d5755a6496c3a51b4f8ba0a7e49f69b8ab","factor":"totp","missing":0},"kind":"proposal.approved","seq":9,"subject":"QSVW6TRWZ2D"}','c07d32bba83da5d6b45b7dc84384a656061b52d0be221c36d6dfeafad0a746c3','377739fcf0adc23927274c45554a16ace27dfae0a226afa208af6738ce4a8d24');
INSERT INTO "audit_entry" VALUES(10,'2026-11-24 09:00:30.000000','ada','delegation.begun','LDYCW7YPKYK','{"actor":"ada","at":"2026-11-24T09:00:30.000000+00:00","facts":{"delegate":"greta","person":"carl","proposal":"QSVW6TRWZ2D","row":{"created_at":"2026-11-24T09:00:30.000000+00:00","delegate_id":"greta","ended_at":null,"ended_by":null,"ends_on":"2026-11-30","id":"LDYCW7YPKYK","person_id":"carl","reason":"Holidays","starts_on":"2026-11-24"}},"kind":"delegation.begun","seq":10,"subject":"LDYCW7YPKYK"}','377739fcf0adc23927274c45554a16ace27dfae0a226afa208af6738ce4a8d24','ab5cd6342f6ca253eca80c9718b1c9a6e048f1db5d7eed1915a3482fb50187c5');
INSERT INTO "audit_entry" VALUES(11,'2026-11-24 09:00:30.000000','ada','proposal.applied','QSVW6TRWZ2D','{"actor":"ada","at":"2026-11-24T09:00:30.000000+00:00","facts":{"by":["ada"],"digest":"6fce3ff4c0f1539593df95e71af851d5755a6496c3a51b4f8ba0a7e49f69b8ab","row":{"closed_at":"2026-11-24T09:00:30.000000+00:00","reason":null,"state":"applied"}},"kind":"proposal.applied","seq":11,"subject":"QSVW6TRWZ2D"}','ab5cd6342f6ca253eca80c9718b1c9a6e048f1db5d7eed1915a3482fb50187c5','41598a63e6366183f29b45e93c87c9d3fc24e4348682ff15683a2a4419086de4');
INSERT INTO "audit_entry" VALUES(12,'2026-11-24 09:00:30.000000','amara','order.requested','P2Q5XT2V1','{"actor":"amara","at":"2026-11-24T09:00:30.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"81ceff24cd837ca88a972ebcf46bc1cbe61e95d7b5ca7c831d7f0fcd02eaa4fb","end_to_end_id":"CS-P2Q5XT2V1-TNTSPRJJ1Q","execution_date":null,"kind":"single","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:00:30.000000+00:00","payee_id":"acme","request_key":"test:1","risks":"[\"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"excluded\":[\"amara\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}","versioned_at":"2026-11-24T09:00:30.000000+00:00"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":12,"subject":"P2Q5XT2V1"}','41598a63e6366183f29b45e93c87c9d3fc24e4348682ff15683a2a4419086de4','ddfa53667446441bf03e2485c76b48a1ca4c47774637b8e8f33f9847c17f9512');
INSERT INTO "audit_entry" VALUES(13,'2026-11-24 09:01:00.000000','bea','order.approval','P2Q5XT2V1','{"actor":"bea","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"81ceff24cd837ca88a972ebcf46bc1cbe61e95d7b5ca7c831d7f0fcd02eaa4fb","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","stage":1,"to":"pending","version":1},"kind":"order.approval","seq":13,"subject":"P2Q5XT2V1"}','ddfa53667446441bf03e2485c76b48a1ca4c47774637b8e8f33f9847c17f9512','cc1422d9f84df9f6da18bd18c1e690419bff8521748912a25f2e07134d8b208c');
INSERT INTO "audit_entry" VALUES(14,'2026-11-24 09:01:30.000000','greta','factor.enrolled','greta','{"actor":"greta","at":"2026-11-24T09:01:30.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":14,"subject":"greta"}','cc1422d9f84df9f6da18bd18c1e690419bff8521748912a25f2e07134d8b208c','260a66d2a317d16d5e4cdab6812c26fcd98d74244913aa0c7b9f07e6cca8cdff');
INSERT INTO "audit_entry" VALUES(15,'2026-11-24 09:01:30.000000','greta','order.approval','P2Q5XT2V1','{"actor":"greta","at":"2026-11-24T09:01:30.000000+00:00","facts":{"digest":"81ceff24cd837ca88a972ebcf46bc1cbe61e95d7b5ca7c831d7f0fcd02eaa4fb","factor":"totp","filled":[["controller","bea"],["cfo","greta"]],"from":"pending","on_behalf_of":"carl","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","stage":1,"to":"approved","version":1},"kind":"order.approval","seq":15,"subject":"P2Q5XT2V1"}','260a66d2a317d16d5e4cdab6812c26fcd98d74244913aa0c7b9f07e6cca8cdff','ba6d6c4bcfb3eacd4a9bcbf09447e531469fbcb3c7e043b3a228e8dd73758193');
INSERT INTO "audit_entry" VALUES(16,'2026-11-24 09:02:30.000000','amara','order.requested','P1BJ4DQN1','{"actor":"amara","at":"2026-11-24T09:02:30.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"226ad0fa7dfcab37002a7bb3baacbbf164bca5b3e325810b704a75a2439403e0","end_to_end_id":"CS-P1BJ4DQN1-S3736SGBTJ","execution_date":null,"kind":"single","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-8","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:02:30.000000+00:00","payee_id":"acme","request_key":"test:2","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"excluded\":[\"amara\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}","versioned_at":"2026-11-24T09:02:30.000000+00:00"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":16,"subject":"P1BJ4DQN1"}','ba6d6c4bcfb3eacd4a9bcbf09447e531469fbcb3c7e043b3a228e8dd73758193','a63c2b9a1279ea28e4afb15c88c2487fc111f0bb26a531296e04057eaef000ae');
INSERT INTO "audit_entry" VALUES(17,'2026-11-24 09:03:00.000000','bea','order.approval','P1BJ4DQN1','{"actor":"bea","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"226ad0fa7dfcab37002a7bb3baacbbf164bca5b3e325810b704a75a2439403e0","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","stage":1,"to":"pending","version":1},"kind":"order.approval","seq":17,"subject":"P1BJ4DQN1"}','a63c2b9a1279ea28e4afb15c88c2487fc111f0bb26a531296e04057eaef000ae','65d1007c423aaa42bab3ddd7984ea3255385b074d996e833c5079cb38947278a');
INSERT INTO "audit_entry" VALUES(18,'2026-11-24 09:03:00.000000','bea','order.approval_withdrawn','P1BJ4DQN1','{"actor":"bea","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"226ad0fa7dfcab37002a7bb3baacbbf164bca5b3e325810b704a75a2439403e0","from":"pending","row":{"release_after":null},"to":"pending","version":1,"withdrawn":["bea"]},"kind":"order.approval_withdrawn","seq":18,"subject":"P1BJ4DQN1"}','65d1007c423aaa42bab3ddd7984ea3255385b074d996e833c5079cb38947278a','7e69b54b7c3170cbbce1f8e158653e481536369ea527ccb9f94fec04d0a2f439');
INSERT INTO "audit_entry" VALUES(19,'2026-11-24 09:03:00.000000','amara','order.requested','P7EXF43Z6','{"actor":"amara","at":"2026-11-24T09:03:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"93e9b3edd9b31a06740668920976739538a089dfe79493f311e6dcadecb8b534","end_to_end_id":"CS-P7EXF43Z6-ZGZC9QBZYK","execution_date":null,"kind":"single","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-9","risks":["duplicate","funds_unchecked"],"row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","currency":"EUR","expires_at":"2026-11-27T09:03:00.000000+00:00","payee_id":"acme","request_key":"test:3","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"excluded\":[\"amara\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}","versioned_at":"2026-11-24T09:03:00.000000+00:00"},"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":19,"subject":"P7EXF43Z6"}','7e69b54b7c3170cbbce1f8e158653e481536369ea527ccb9f94fec04d0a2f439','f0731ddbd1fa87f73551bdccc9d9ac7567610dde474b5085dc18983923374df7');
INSERT INTO "audit_entry" VALUES(20,'2026-11-24 09:03:00.000000','amara','order.amended','P7EXF43Z6','{"actor":"amara","at":"2026-11-24T09:03:00.000000+00:00","facts":{"after":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"7fad6ac907bbbc8dfdc47a9c965b2fa96fa1ec7bea540585e0e98f8bfdc20193","end_to_end_id":"CS-P7EXF43Z6-ZGZC9QBZYK","execution_date":null,"kind":"single","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-9b","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":2},"before":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"93e9b3edd9b31a06740668920976739538a089dfe79493f311e6dcadecb8b534","end_to_end_id":"CS-P7EXF43Z6-ZGZC9QBZYK","execution_date":null,"kind":"single","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-9","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"from":"pending","row":{"account_id":"operating-eur","amount_minor":125000,"attachments":"[]","connector":"bank","creditor_bic":null,"creditor_country":null,"creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","currency":"EUR","debtor_iban":"DE89370400440532013000","digest":"7fad6ac907bbbc8dfdc47a9c965b2fa96fa1ec7bea540585e0e98f8bfdc20193","execution_date":null,"expires_at":"2026-11-27T09:03:00.000000+00:00","kind":"single","payee_id":"acme","remittance":"INV-9b","risks":"[\"duplicate\", \"funds_unchecked\"]","verdict":"{\"base_amount\":[\"1250.00\",\"EUR\"],\"excluded\":[\"amara\"],\"expires_after\":259200,\"policy_hash\":\"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0\",\"reasons\":[{\"rule\":\"Every payment\",\"slots\":[{\"count\":1,\"role\":\"controller\"}]},{\"rule\":\"From 1 000 up\",\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}],\"refused_by\":null,\"slots\":[{\"count\":1,\"role\":\"controller\"},{\"count\":1,\"role\":\"cfo\"}]}","version":2,"versioned_at":"2026-11-24T09:03:00.000001+00:00"},"to":"pending"},"kind":"order.amended","seq":20,"subject":"P7EXF43Z6"}','f0731ddbd1fa87f73551bdccc9d9ac7567610dde474b5085dc18983923374df7','4bad005dd44fc1b8aee0f25c0a0b6a11b20189a00b8c455fdf84cf60849e376d');
INSERT INTO "audit_entry" VALUES(21,'2026-11-24 09:03:00.000000','carl','delegation.ended','LDYCW7YPKYK','{"actor":"carl","at":"2026-11-24T09:03:00.000000+00:00","facts":{"delegate":"greta","person":"carl","row":{"ended_at":"2026-11-24T09:03:00.000000+00:00","ended_by":"carl"}},"kind":"delegation.ended","seq":21,"subject":"LDYCW7YPKYK"}','4bad005dd44fc1b8aee0f25c0a0b6a11b20189a00b8c455fdf84cf60849e376d','e3329d42eb6e6dc5f737008294fec58fb667e1dc647efeae277c0f7a5e0ba39c');
INSERT INTO "audit_entry" VALUES(22,'2026-11-24 09:03:00.000000','carl','proposal.made','QMVJETAQ84J','{"actor":"carl","at":"2026-11-24T09:03:00.000000+00:00","facts":{"about":"carl","digest":"bcb378d51b7fff258c10d7ff6e53019c0c403e425b87157674f50a81e6946bf1","of":"delegation","row":{"closed_at":null,"content":"{\"delegate\":\"greta\",\"ends_on\":\"2026-11-30\",\"person\":\"carl\",\"reason\":\"Holidays\",\"starts_on\":\"2026-11-24\"}","created_at":"2026-11-24T09:03:00.000000+00:00","digest":"bcb378d51b7fff258c10d7ff6e53019c0c403e425b87157674f50a81e6946bf1","expires_at":"2026-12-01T09:03:00.000000+00:00","id":"QMVJETAQ84J","kind":"delegation","proposer_id":"carl","reason":null,"state":"open","subject":"carl"}},"kind":"proposal.made","seq":22,"subject":"QMVJETAQ84J"}','e3329d42eb6e6dc5f737008294fec58fb667e1dc647efeae277c0f7a5e0ba39c','a4561bf2753de6482fe6b23ebaf7cb902f4398e0a2a585b0e733ab0235e4a5c9');
INSERT INTO "audit_entry" VALUES(23,'2026-11-24 09:03:30.000000','ada','proposal.approved','QMVJETAQ84J','{"actor":"ada","at":"2026-11-24T09:03:30.000000+00:00","facts":{"acknowledged":false,"digest":"bcb378d51b7fff258c10d7ff6e53019c0c403e425b87157674f50a81e6946bf1","factor":"totp","missing":0},"kind":"proposal.approved","seq":23,"subject":"QMVJETAQ84J"}','a4561bf2753de6482fe6b23ebaf7cb902f4398e0a2a585b0e733ab0235e4a5c9','b32bc0695b07206c39dd3813ae5436a3abad98cab600686121620766089e039a');
INSERT INTO "audit_entry" VALUES(24,'2026-11-24 09:03:30.000000','ada','delegation.begun','LV5R8S5YZSJ','{"actor":"ada","at":"2026-11-24T09:03:30.000000+00:00","facts":{"delegate":"greta","person":"carl","proposal":"QMVJETAQ84J","row":{"created_at":"2026-11-24T09:03:30.000000+00:00","delegate_id":"greta","ended_at":null,"ended_by":null,"ends_on":"2026-11-30","id":"LV5R8S5YZSJ","person_id":"carl","reason":"Holidays","starts_on":"2026-11-24"}},"kind":"delegation.begun","seq":24,"subject":"LV5R8S5YZSJ"}','b32bc0695b07206c39dd3813ae5436a3abad98cab600686121620766089e039a','961eadb5efc9f8d51d77d51ee9c381e0aaca5c14064837964d39fbd118b88767');
INSERT INTO "audit_entry" VALUES(25,'2026-11-24 09:03:30.000000','ada','proposal.applied','QMVJETAQ84J','{"actor":"ada","at":"2026-11-24T09:03:30.000000+00:00","facts":{"by":["ada"],"digest":"bcb378d51b7fff258c10d7ff6e53019c0c403e425b87157674f50a81e6946bf1","row":{"closed_at":"2026-11-24T09:03:30.000000+00:00","reason":null,"state":"applied"}},"kind":"proposal.applied","seq":25,"subject":"QMVJETAQ84J"}','961eadb5efc9f8d51d77d51ee9c381e0aaca5c14064837964d39fbd118b88767','cf94f05ec8a87c98e8b58ddfd847377a101a1108f777cc8d77e122598a685919');
CREATE TABLE balance_reading (
	account_id VARCHAR(64) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	booked_minor BIGINT, 
	available_minor BIGINT, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_balance_reading PRIMARY KEY (account_id)
);
CREATE TABLE charter (
	id INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	adopted_at DATETIME NOT NULL, 
	CONSTRAINT pk_charter PRIMARY KEY (id)
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
CREATE TABLE delegation (
	id VARCHAR(16) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	delegate_id VARCHAR(64), 
	starts_on DATE NOT NULL, 
	ends_on DATE NOT NULL, 
	reason VARCHAR(300) NOT NULL, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	ended_by VARCHAR(64), 
	CONSTRAINT pk_delegation PRIMARY KEY (id)
);
INSERT INTO "delegation" VALUES('LDYCW7YPKYK','carl','greta','2026-11-24','2026-11-30','Holidays','2026-11-24 09:00:30.000000','2026-11-24 09:03:00.000000','carl');
INSERT INTO "delegation" VALUES('LV5R8S5YZSJ','carl','greta','2026-11-24','2026-11-30','Holidays','2026-11-24 09:03:30.000000',NULL,NULL);
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
	tags VARCHAR(400) NOT NULL, 
	changed_by VARCHAR(64), 
	CONSTRAINT pk_payee PRIMARY KEY (id)
);
INSERT INTO "payee" VALUES('acme','ACME GmbH','DE75512108001245126199',NULL,NULL,1,NULL,1,'[]',NULL);
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
	kind VARCHAR(16) NOT NULL, 
	versioned_at DATETIME NOT NULL, 
	release_after DATETIME, 
	CONSTRAINT pk_payment_order PRIMARY KEY (id), 
	CONSTRAINT uq_payment_order_request_key UNIQUE (request_key), 
	CONSTRAINT uq_payment_order_end_to_end_id UNIQUE (end_to_end_id)
);
INSERT INTO "payment_order" VALUES('P2Q5XT2V1',1,3,'approved','81ceff24cd837ca88a972ebcf46bc1cbe61e95d7b5ca7c831d7f0fcd02eaa4fb','test:1','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-P2Q5XT2V1-TNTSPRJJ1Q','{"base_amount":["1250.00","EUR"],"excluded":["amara"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:00:30.000000','2026-11-27 09:00:30.000000','2026-11-24 09:01:30.000000','single','2026-11-24 09:00:30.000000',NULL);
INSERT INTO "payment_order" VALUES('P1BJ4DQN1',1,3,'pending','226ad0fa7dfcab37002a7bb3baacbbf164bca5b3e325810b704a75a2439403e0','test:2','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-8',NULL,'CS-P1BJ4DQN1-S3736SGBTJ','{"base_amount":["1250.00","EUR"],"excluded":["amara"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:02:30.000000','2026-11-27 09:02:30.000000','2026-11-24 09:03:00.000000','single','2026-11-24 09:02:30.000000',NULL);
INSERT INTO "payment_order" VALUES('P7EXF43Z6',2,2,'pending','7fad6ac907bbbc8dfdc47a9c965b2fa96fa1ec7bea540585e0e98f8bfdc20193','test:3','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-9b',NULL,'CS-P7EXF43Z6-ZGZC9QBZYK','{"base_amount":["1250.00","EUR"],"excluded":["amara"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:03:00.000000','2026-11-27 09:03:00.000000','2026-11-24 09:03:00.000000','single','2026-11-24 09:03:00.000001',NULL);
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
CREATE TABLE proposal (
	id VARCHAR(16) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	content TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	proposer_id VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason VARCHAR(500), 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	closed_at DATETIME, 
	CONSTRAINT pk_proposal PRIMARY KEY (id)
);
INSERT INTO "proposal" VALUES('QSVW6TRWZ2D','delegation','carl','{"delegate":"greta","ends_on":"2026-11-30","person":"carl","reason":"Holidays","starts_on":"2026-11-24"}','6fce3ff4c0f1539593df95e71af851d5755a6496c3a51b4f8ba0a7e49f69b8ab','carl','applied',NULL,'2026-11-24 09:00:00.000000','2026-12-01 09:00:00.000000','2026-11-24 09:00:30.000000');
INSERT INTO "proposal" VALUES('QMVJETAQ84J','delegation','carl','{"delegate":"greta","ends_on":"2026-11-30","person":"carl","reason":"Holidays","starts_on":"2026-11-24"}','bcb378d51b7fff258c10d7ff6e53019c0c403e425b87157674f50a81e6946bf1','carl','applied',NULL,'2026-11-24 09:03:00.000000','2026-12-01 09:03:00.000000','2026-11-24 09:03:30.000000');
CREATE TABLE proposal_decision (
	proposal_id VARCHAR(16) NOT NULL, 
	person_id VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	decision VARCHAR(8) NOT NULL, 
	factor VARCHAR(16) NOT NULL, 
	reason VARCHAR(500), 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_proposal_decision PRIMARY KEY (proposal_id, person_id)
);
INSERT INTO "proposal_decision" VALUES('QSVW6TRWZ2D','ada','6fce3ff4c0f1539593df95e71af851d5755a6496c3a51b4f8ba0a7e49f69b8ab','approve','totp',NULL,'2026-11-24 09:00:30.000000');
INSERT INTO "proposal_decision" VALUES('QMVJETAQ84J','ada','bcb378d51b7fff258c10d7ff6e53019c0c403e425b87157674f50a81e6946bf1','approve','totp',NULL,'2026-11-24 09:03:30.000000');
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
INSERT INTO "second_factor" VALUES('amara',X'019D6BCFFC367BE22510E03A0287124043B3C4DFD09E3BEAB7B01D8216A007B120D186C0D3AFF46C5F337FA2883253230C21023D3B5355B4DCF060A182',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('bea',X'01FFC54DCCA97595666BCBC3A2F2A3F6F809A1453D2D57A46CB374544A7782C0515410441D1E058D0A9809C3073495CEA6E226B66E2D7724F2BF0BAC5A',59850366,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('carl',X'0159531FB9A8254184FDF2ACF2BEAA8F42C2634574D0C8A083657A09AE0B8D6D351CEC47C6925834AC910D22C043A225D7E87BEB7C838B9B6E0B169E36',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('dong',X'0123020412E309545D6A306F1B116F33D87158AE725081E11F8FB81CC8C07623964827FAB94B8CC7C1FC9C5E76A9453F14BBE602B001424637A61F6952',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('eve',X'019C747C95BEB2085502BB503266037C544C70625B1D17522B2F845147C15EA6C3E74DBC60D3C31131464988F61CF1E6FF48220F3C9CF11AADCD743DF5',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('ada',X'0144DAC2E27F48EBD267AB146ED2310B5898886D1AF2238A7FE1ECF33D6CD40F092B22B39006B31867796D035FAC1D675E58EC32D4B64DA278E0C3AAE3',59850367,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('greta',X'0188499C01BD3AA343763758E74A713C68838D948332B6199FB54EE4EB8A3B9C1D4469B617BF9F9AE82F1DBDAAB51229DE62474B776529B58D42DB56DD',59850363,0,NULL,'2026-11-24 09:01:30.000000');
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
CREATE INDEX ix_proposal_subject ON proposal (kind, subject);
CREATE INDEX ix_proposal_state ON proposal (state, expires_at);
CREATE INDEX ix_payment_order_payee ON payment_order (creditor_iban, state, created_at);
CREATE INDEX ix_payment_order_state ON payment_order (state, expires_at);
CREATE INDEX ix_payment_order_versioned_at ON payment_order (versioned_at);
CREATE INDEX ix_payment_order_requester ON payment_order (requester_id, created_at);
CREATE INDEX ix_payment_order_twin ON payment_order (creditor_iban, amount_minor, created_at);
CREATE INDEX ix_kept_file_order_id ON kept_file (order_id);
CREATE INDEX ix_kept_file_person ON kept_file (person_id, stored_at);
CREATE INDEX ix_delegation_ends_on ON delegation (ends_on);
CREATE INDEX ix_delegation_person_id ON delegation (person_id);
CREATE INDEX ix_instruction_connector ON instruction (connector, state, sent_at);
CREATE INDEX ix_telegram_update_waiting ON telegram_update (sender_id, update_id) WHERE done_at IS NULL;
CREATE INDEX ix_telegram_message_created_at ON telegram_message (created_at);
CREATE INDEX ix_telegram_message_place ON telegram_message (chat_id, message_id);
CREATE INDEX ix_telegram_dialogue_user_id ON telegram_dialogue (user_id, updated_at);
CREATE INDEX ix_telegram_dialogue_updated_at ON telegram_dialogue (updated_at);
CREATE INDEX ix_telegram_deep_link_created_at ON telegram_deep_link (created_at);
CREATE INDEX ix_document_account_state ON document (account_id, state, period_to, seen_at);
CREATE INDEX ix_statement_account ON statement (account_id, id);
CREATE INDEX ix_statement_entry_booking_date ON statement_entry (account_id, booking_date);
CREATE INDEX ix_statement_entry_order_id ON statement_entry (order_id);
CREATE INDEX ix_statement_entry_break ON statement_entry (account_id, booking_date) WHERE break_reason IS NOT NULL;
CREATE INDEX ix_statement_entry_end_to_end_id ON statement_entry (end_to_end_id);
COMMIT;
