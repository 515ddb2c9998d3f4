BEGIN TRANSACTION;
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
INSERT INTO "approval" VALUES('PYGBH5M45',1,'bea','10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c','approve','totp',NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "approval" VALUES('PYGBH5M45',1,'carl','10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c','approve','totp',NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "approval" VALUES('PTSKX9QQF',1,'bea','d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5','approve','totp',NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "approval" VALUES('PTSKX9QQF',1,'carl','d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5','approve','totp',NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "approval" VALUES('PNEC4B60J',1,'bea','7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40','approve','totp',NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "approval" VALUES('PNEC4B60J',1,'carl','7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40','approve','totp',NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "approval" VALUES('PDSMAY209',1,'bea','6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106','approve','totp',NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "approval" VALUES('PDSMAY209',1,'carl','6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106','approve','totp',NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "approval" VALUES('P31Q8WF21',1,'bea','7c6454476b186d8197724a20115ec7e3f537604e6e705993b6334ebbe407212d','approve','totp',NULL,'2026-11-24 09:04:00.000000');
INSERT INTO "approval" VALUES('P31Q8WF21',1,'carl','7c6454476b186d8197724a20115ec7e3f537604e6e705993b6334ebbe407212d','approve','totp',NULL,'2026-11-24 09:04:00.000000');
INSERT INTO "approval" VALUES('PYSKAQ5XX',1,'bea','96a6e99af1f7793a2926ff225de5c97e1d375485e7044fd602a0879cd6d3ab7b','approve','totp',NULL,'2026-11-24 09:05:00.000000');
INSERT INTO "approval" VALUES('PQ7QZR6P6',1,'carl','ee2cd0493c159c238dacde74b0b95ae1e27842f20c6bd7719bc9e1396800e875','reject','none','not ours','2026-11-24 09:05:00.000000');
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
INSERT INTO "audit_entry" VALUES(1,'2026-11-24 09:00:00.000000','system','payee.registered','acme','{"actor":"system","at":"2026-11-24T09:00:00.000000+00:00","facts":{"iban":"DE75512108001245126199","name":"ACME GmbH","trusted":true},"kind":"payee.registered","seq":1,"subject":"acme"}','0000000000000000000000000000000000000000000000000000000000000000','b2e8eddbb37a08a80c816ba05001e2e6af017ce4d923a1708a6bba8bd245a8d2');
INSERT INTO "audit_entry" VALUES(2,'2026-11-24 09:00:00.000000','amara','factor.enrolled','amara','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":2,"subject":"amara"}','b2e8eddbb37a08a80c816ba05001e2e6af017ce4d923a1708a6bba8bd245a8d2','4588ff02c30a1a836dfe94b26fe8cdb7e71be6812920b1f6315f1d34a3c26c70');
INSERT INTO "audit_entry" VALUES(3,'2026-11-24 09:00:00.000000','bea','factor.enrolled','bea','{"actor":"bea","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":3,"subject":"bea"}','4588ff02c30a1a836dfe94b26fe8cdb7e71be6812920b1f6315f1d34a3c26c70','1691a03a2ede74700b1891bd5f7db5309ea6da1f0a7b7a8911a8442f3d17e89e');
INSERT INTO "audit_entry" VALUES(4,'2026-11-24 09:00:00.000000','carl','factor.enrolled','carl','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":4,"subject":"carl"}','1691a03a2ede74700b1891bd5f7db5309ea6da1f0a7b7a8911a8442f3d17e89e','e12be4ba9feec15041f51d630dbcbb6fb9b9a287c46e45bad70a984652e30cfd');
INSERT INTO "audit_entry" VALUES(5,'2026-11-24 09:00:00.000000','dong','factor.enrolled','dong','{"actor":"dong","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":5,"subject":"dong"}','e12be4ba9feec15041f51d630dbcbb6fb9b9a287c46e45bad70a984652e30cfd','0617e33cafc53b1300bc8ed16cd620d3103e6663ef56ae213ae9d9a6f13e44e6');
INSERT INTO "audit_entry" VALUES(6,'2026-11-24 09:00:00.000000','eve','factor.enrolled','eve','{"actor":"eve","at":"2026-11-24T09:00:00.000000+00:00","facts":{"factor":"totp"},"kind":"factor.enrolled","seq":6,"subject":"eve"}','0617e33cafc53b1300bc8ed16cd620d3103e6663ef56ae213ae9d9a6f13e44e6','51aa4eccae082e093a0f49ba0871561ab82bbf308a0750f004d483a0a4c98a59');
INSERT INTO "audit_entry" VALUES(7,'2026-11-24 09:00:00.000000','amara','person.linked','amara','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"chat":"slack","external_id":"U0AMARA"},"kind":"person.linked","seq":7,"subject":"amara"}','51aa4eccae082e093a0f49ba0871561ab82bbf308a0750f004d483a0a4c98a59','31e4cfd3aed0edfda105703ad058224a3cc966f808e5d71e2bae9a97dca21271');
INSERT INTO "audit_entry" VALUES(8,'2026-11-24 09:00:00.000000','amara','order.requested','PYGBH5M45','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c","end_to_end_id":"CS-PYGBH5M45-BZSQDE4PV3","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":8,"subject":"PYGBH5M45"}','31e4cfd3aed0edfda105703ad058224a3cc966f808e5d71e2bae9a97dca21271','da9f8db67b3d28a1f4b354607e0f24a3f4d7103c7108044999ba2e8f93526910');
INSERT INTO "audit_entry" VALUES(9,'2026-11-24 09:00:00.000000','bea','order.approval','PYGBH5M45','{"actor":"bea","at":"2026-11-24T09:00:00.000000+00:00","facts":{"digest":"10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":9,"subject":"PYGBH5M45"}','da9f8db67b3d28a1f4b354607e0f24a3f4d7103c7108044999ba2e8f93526910','79ecf32566be52279ff9a6bb5c24dd215ce70f54fd62755e754383b878c3a72a');
INSERT INTO "audit_entry" VALUES(10,'2026-11-24 09:00:00.000000','carl','order.approval','PYGBH5M45','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"digest":"10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":10,"subject":"PYGBH5M45"}','79ecf32566be52279ff9a6bb5c24dd215ce70f54fd62755e754383b878c3a72a','b75f6d5de65867f2188c4c04fa48436bca61c254cd59554bfc7b4b4fde880862');
INSERT INTO "audit_entry" VALUES(11,'2026-11-24 09:01:00.000000','system','order.released','PYGBH5M45','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c","end_to_end_id":"CS-PYGBH5M45-BZSQDE4PV3","from":"approved","to":"released"},"kind":"order.released","seq":11,"subject":"PYGBH5M45"}','b75f6d5de65867f2188c4c04fa48436bca61c254cd59554bfc7b4b4fde880862','f0b0875b74f75e342a5d6691ea6f53a3cf100ec8e9110471d977d5fb6ee0e68d');
INSERT INTO "audit_entry" VALUES(12,'2026-11-24 09:01:00.000000','system','instruction.sending','PYGBH5M45','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"attempt":1,"request_id":"f95a6545-f5eb-4fa1-9996-5d4fd52f2a58"},"kind":"instruction.sending","seq":12,"subject":"PYGBH5M45"}','f0b0875b74f75e342a5d6691ea6f53a3cf100ec8e9110471d977d5fb6ee0e68d','b34d4d5ee80ca20d15b8081b740984d94b05f2a30e9fe11e117530f5e500d3a9');
INSERT INTO "audit_entry" VALUES(13,'2026-11-24 09:01:00.000000','system','order.settled','PYGBH5M45','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"code":null,"detail":null,"from":"released","reference":"R1","status":"ACSC","to":"settled","waiting_for_person":null},"kind":"order.settled","seq":13,"subject":"PYGBH5M45"}','b34d4d5ee80ca20d15b8081b740984d94b05f2a30e9fe11e117530f5e500d3a9','702223bf1a9da989d8ede60756fa2dd1ea429273e13794c2b8e2762580a5e77a');
INSERT INTO "audit_entry" VALUES(14,'2026-11-24 09:01:00.000000','system','receipt.stored','PYGBH5M45','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"booked_on":null,"official":false,"reference":"R1","sha256":"268ad70eb5bc4737a2ae28162cbca30118cc94520e49ef1ac5f72c85d3f2caa9"},"kind":"receipt.stored","seq":14,"subject":"PYGBH5M45"}','702223bf1a9da989d8ede60756fa2dd1ea429273e13794c2b8e2762580a5e77a','120635bdb39fe15e51710be50465918d278098149f9e43fa0919604b4937a1c2');
INSERT INTO "audit_entry" VALUES(15,'2026-11-24 09:01:00.000000','amara','order.requested','PTSKX9QQF','{"actor":"amara","at":"2026-11-24T09:01:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5","end_to_end_id":"CS-PTSKX9QQF-9534TNY6BX","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":15,"subject":"PTSKX9QQF"}','120635bdb39fe15e51710be50465918d278098149f9e43fa0919604b4937a1c2','e30e75419ff5e8dd5c719dc7715617eda436262ff307c39d95186c0d5f1b7b10');
INSERT INTO "audit_entry" VALUES(16,'2026-11-24 09:01:00.000000','bea','order.approval','PTSKX9QQF','{"actor":"bea","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":16,"subject":"PTSKX9QQF"}','e30e75419ff5e8dd5c719dc7715617eda436262ff307c39d95186c0d5f1b7b10','42e62e08848b92a40fe3e93fad0ddf4999adcc66e09ed1fe3a0109082d4cd9eb');
INSERT INTO "audit_entry" VALUES(17,'2026-11-24 09:01:00.000000','carl','order.approval','PTSKX9QQF','{"actor":"carl","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":17,"subject":"PTSKX9QQF"}','42e62e08848b92a40fe3e93fad0ddf4999adcc66e09ed1fe3a0109082d4cd9eb','d41db9619ac86bd696b68ae0c41daf40e952c6d61cdfd3d483a971e900f91971');
INSERT INTO "audit_entry" VALUES(18,'2026-11-24 09:02:00.000000','system','order.released','PTSKX9QQF','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5","end_to_end_id":"CS-PTSKX9QQF-9534TNY6BX","from":"approved","to":"released"},"kind":"order.released","seq":18,"subject":"PTSKX9QQF"}','d41db9619ac86bd696b68ae0c41daf40e952c6d61cdfd3d483a971e900f91971','082325b97b789aa7f31ae1f6e2dfc835d7df246b089673e8ff9265f0eee55119');
INSERT INTO "audit_entry" VALUES(19,'2026-11-24 09:02:00.000000','system','instruction.sending','PTSKX9QQF','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"attempt":1,"request_id":"523b1a66-7d9e-41d6-bc94-2fd4c8b08e0f"},"kind":"instruction.sending","seq":19,"subject":"PTSKX9QQF"}','082325b97b789aa7f31ae1f6e2dfc835d7df246b089673e8ff9265f0eee55119','373b630c73c7d426136a556ee2822141a3e4b61e0156ea7d05021ec1f620720c');
INSERT INTO "audit_entry" VALUES(20,'2026-11-24 09:02:00.000000','system','order.failed','PTSKX9QQF','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"code":"AC04","detail":"closed account","from":"released","to":"failed"},"kind":"order.failed","seq":20,"subject":"PTSKX9QQF"}','373b630c73c7d426136a556ee2822141a3e4b61e0156ea7d05021ec1f620720c','18ba75854e69223633536cafacaac8cbdd8de8dfc4f9d1a472d523e96ab581e4');
INSERT INTO "audit_entry" VALUES(21,'2026-11-24 09:02:00.000000','amara','order.requested','PNEC4B60J','{"actor":"amara","at":"2026-11-24T09:02:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40","end_to_end_id":"CS-PNEC4B60J-N1ZD4B43E2","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":21,"subject":"PNEC4B60J"}','18ba75854e69223633536cafacaac8cbdd8de8dfc4f9d1a472d523e96ab581e4','ab653a2bf21e54fdd9c7e41d12743cad79235855630279e1700e96dea4c30f7c');
INSERT INTO "audit_entry" VALUES(22,'2026-11-24 09:02:00.000000','bea','order.approval','PNEC4B60J','{"actor":"bea","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":22,"subject":"PNEC4B60J"}','ab653a2bf21e54fdd9c7e41d12743cad79235855630279e1700e96dea4c30f7c','345e31463581d069d332687a7aca6581118378c3cce3cc8cba688e1d71f2928d');
INSERT INTO "audit_entry" VALUES(23,'2026-11-24 09:02:00.000000','carl','order.approval','PNEC4B60J','{"actor":"carl","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":23,"subject":"PNEC4B60J"}','345e31463581d069d332687a7aca6581118378c3cce3cc8cba688e1d71f2928d','50c17fd5c65a8df94aa8ec50f22c54b40801d3635d64d53798184fab8aef9e6e');
INSERT INTO "audit_entry" VALUES(24,'2026-11-24 09:03:00.000000','system','order.released','PNEC4B60J','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40","end_to_end_id":"CS-PNEC4B60J-N1ZD4B43E2","from":"approved","to":"released"},"kind":"order.released","seq":24,"subject":"PNEC4B60J"}','50c17fd5c65a8df94aa8ec50f22c54b40801d3635d64d53798184fab8aef9e6e','bfd2628ea6251e88a4d6d34fab38112a44d1b7551e24fe6b6a52e37b7bc5c073');
INSERT INTO "audit_entry" VALUES(25,'2026-11-24 09:03:00.000000','system','instruction.sending','PNEC4B60J','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"attempt":1,"request_id":"73e975cf-c579-4446-88f0-7ae9cfa879a4"},"kind":"instruction.sending","seq":25,"subject":"PNEC4B60J"}','bfd2628ea6251e88a4d6d34fab38112a44d1b7551e24fe6b6a52e37b7bc5c073','77b4ab43b0767773b3f905a3a2a2c1c7a847eea9a07b483e2fdb9e203daa7865');
INSERT INTO "audit_entry" VALUES(26,'2026-11-24 09:03:00.000000','system','order.unknown','PNEC4B60J','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"alarm":false,"code":"http.timeout","detail":"no answer","from":"released","to":"unknown"},"kind":"order.unknown","seq":26,"subject":"PNEC4B60J"}','77b4ab43b0767773b3f905a3a2a2c1c7a847eea9a07b483e2fdb9e203daa7865','cba6abd578686d9d4026fe526452d326e5c74fb6e2381cf3f1c1801bdaae44f8');
INSERT INTO "audit_entry" VALUES(27,'2026-11-24 09:03:00.000000','amara','order.requested','PDSMAY209','{"actor":"amara","at":"2026-11-24T09:03:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106","end_to_end_id":"CS-PDSMAY209-171E325VKE","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":27,"subject":"PDSMAY209"}','cba6abd578686d9d4026fe526452d326e5c74fb6e2381cf3f1c1801bdaae44f8','6a20067a53cc3dedd87359c2a012ef8407e76e14981f9fd4fd4234be087ea2ea');
INSERT INTO "audit_entry" VALUES(28,'2026-11-24 09:03:00.000000','bea','order.approval','PDSMAY209','{"actor":"bea","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":28,"subject":"PDSMAY209"}','6a20067a53cc3dedd87359c2a012ef8407e76e14981f9fd4fd4234be087ea2ea','f6224f809ff28410a4ab99c5951593d1c572a7a81f96f6f22470a3695ecb8a1f');
INSERT INTO "audit_entry" VALUES(29,'2026-11-24 09:03:00.000000','carl','order.approval','PDSMAY209','{"actor":"carl","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":29,"subject":"PDSMAY209"}','f6224f809ff28410a4ab99c5951593d1c572a7a81f96f6f22470a3695ecb8a1f','58b5f13da99829b892114102da25b13dc826cf7f6ece4973f2905a6a3b178c7e');
INSERT INTO "audit_entry" VALUES(30,'2026-11-24 09:04:00.000000','system','order.released','PDSMAY209','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106","end_to_end_id":"CS-PDSMAY209-171E325VKE","from":"approved","to":"released"},"kind":"order.released","seq":30,"subject":"PDSMAY209"}','58b5f13da99829b892114102da25b13dc826cf7f6ece4973f2905a6a3b178c7e','f05b51dd7f38d9eeb675a79271b6c511a1a9551432ecf838b8b36ef0270b27ed');
INSERT INTO "audit_entry" VALUES(31,'2026-11-24 09:04:00.000000','system','instruction.sending','PDSMAY209','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"attempt":1,"request_id":"37b38e1d-e64e-42e0-8c60-f3d90ac046e3"},"kind":"instruction.sending","seq":31,"subject":"PDSMAY209"}','f05b51dd7f38d9eeb675a79271b6c511a1a9551432ecf838b8b36ef0270b27ed','0e360cdac0b47f85ca96d87bc9b853d969e4fa56a96c4c630f06e2db3c0fe88c');
INSERT INTO "audit_entry" VALUES(32,'2026-11-24 09:04:00.000000','system','order.submitted','PDSMAY209','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"code":null,"detail":null,"from":"released","reference":"R1","status":"ACSP","to":"submitted","waiting_for_person":null},"kind":"order.submitted","seq":32,"subject":"PDSMAY209"}','0e360cdac0b47f85ca96d87bc9b853d969e4fa56a96c4c630f06e2db3c0fe88c','aa02e76abfac1d34f6d3d49c742b996bc4dba1863c46df947af74f6bc8f35e97');
INSERT INTO "audit_entry" VALUES(33,'2026-11-24 09:04:00.000000','amara','order.requested','P31Q8WF21','{"actor":"amara","at":"2026-11-24T09:04:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"7c6454476b186d8197724a20115ec7e3f537604e6e705993b6334ebbe407212d","end_to_end_id":"CS-P31Q8WF21-4KHM5NT9ZQ","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":33,"subject":"P31Q8WF21"}','aa02e76abfac1d34f6d3d49c742b996bc4dba1863c46df947af74f6bc8f35e97','62576fb59b4ced91185888b6bda10dcd9c97b55ad00177545c596d20ff3282f5');
INSERT INTO "audit_entry" VALUES(34,'2026-11-24 09:04:00.000000','bea','order.approval','P31Q8WF21','{"actor":"bea","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"7c6454476b186d8197724a20115ec7e3f537604e6e705993b6334ebbe407212d","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":34,"subject":"P31Q8WF21"}','62576fb59b4ced91185888b6bda10dcd9c97b55ad00177545c596d20ff3282f5','37aebd628279f0975b11d863dd62aff72855cc316e28bafd19c19fc954d600a3');
INSERT INTO "audit_entry" VALUES(35,'2026-11-24 09:04:00.000000','carl','order.approval','P31Q8WF21','{"actor":"carl","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"7c6454476b186d8197724a20115ec7e3f537604e6e705993b6334ebbe407212d","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":35,"subject":"P31Q8WF21"}','37aebd628279f0975b11d863dd62aff72855cc316e28bafd19c19fc954d600a3','08cc4ac91cd515e81c53323e5a2c9c7cfd7d2ae5466d3af85c9edac2bdc70de0');
INSERT INTO "audit_entry" VALUES(36,'2026-11-24 09:05:00.000000','amara','order.requested','PYSKAQ5XX','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"96a6e99af1f7793a2926ff225de5c97e1d375485e7044fd602a0879cd6d3ab7b","end_to_end_id":"CS-PYSKAQ5XX-72J4R5S8A9","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":36,"subject":"PYSKAQ5XX"}','08cc4ac91cd515e81c53323e5a2c9c7cfd7d2ae5466d3af85c9edac2bdc70de0','8d9d3ec39b13ef736e5699135d1267b85a7400e1844019644f840b07944ad787');
INSERT INTO "audit_entry" VALUES(37,'2026-11-24 09:05:00.000000','bea','order.approval','PYSKAQ5XX','{"actor":"bea","at":"2026-11-24T09:05:00.000000+00:00","facts":{"digest":"96a6e99af1f7793a2926ff225de5c97e1d375485e7044fd602a0879cd6d3ab7b","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":37,"subject":"PYSKAQ5XX"}','8d9d3ec39b13ef736e5699135d1267b85a7400e1844019644f840b07944ad787','ec27984ed28c4a43d79eeaf9ee1314b3f8899ba01c477193f2d2cfa8c7cedee4');
INSERT INTO "audit_entry" VALUES(38,'2026-11-24 09:05:00.000000','amara','order.requested','PQ7QZR6P6','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"ee2cd0493c159c238dacde74b0b95ae1e27842f20c6bd7719bc9e1396800e875","end_to_end_id":"CS-PQ7QZR6P6-WWMEX306T2","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"回单 “7”","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":38,"subject":"PQ7QZR6P6"}','ec27984ed28c4a43d79eeaf9ee1314b3f8899ba01c477193f2d2cfa8c7cedee4','4b96d84fca290395d2ccdce4fba9e6abff4b380d947bac915d6d56d140627c51');
INSERT INTO "audit_entry" VALUES(39,'2026-11-24 09:05:00.000000','carl','order.rejected','PQ7QZR6P6','{"actor":"carl","at":"2026-11-24T09:05:00.000000+00:00","facts":{"digest":"ee2cd0493c159c238dacde74b0b95ae1e27842f20c6bd7719bc9e1396800e875","from":"pending","reason":"not ours","to":"rejected","version":1},"kind":"order.rejected","seq":39,"subject":"PQ7QZR6P6"}','4b96d84fca290395d2ccdce4fba9e6abff4b380d947bac915d6d56d140627c51','ecfbcff8b49d50b11ce225e103edcc2fb1f03b68d7a4775c9426cbc22e17a708');
INSERT INTO "audit_entry" VALUES(40,'2026-11-24 09:05:00.000000','amara','order.requested','PAPB7ZBKK','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"12da87f43ce7a80e459b9aa21b36011e843b38f3ec6a2a8dce1af6c8da9b25f5","end_to_end_id":"CS-PAPB7ZBKK-1F6YZBP0Y6","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":40,"subject":"PAPB7ZBKK"}','ecfbcff8b49d50b11ce225e103edcc2fb1f03b68d7a4775c9426cbc22e17a708','e4d845172ad05c6aa35c7e719f76a111bd8f42bccef76ffe5071d07749a00bbf');
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
	CONSTRAINT pk_chat_identity PRIMARY KEY (chat, external_id), 
	CONSTRAINT uq_chat_identity_chat_person_id UNIQUE (chat, person_id)
);
INSERT INTO "chat_identity" VALUES('slack','U0AMARA','amara','2026-11-24 09:00:00.000000');
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
	CONSTRAINT pk_enrolment PRIMARY KEY (token_hash)
);
CREATE TABLE instruction (
	order_id VARCHAR(16) NOT NULL, 
	request_id VARCHAR(36) NOT NULL, 
	service VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	sent_at DATETIME, 
	reference VARCHAR(128), 
	status VARCHAR(16), 
	waiting_for_person VARCHAR(500), 
	entry_reference VARCHAR(128), 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_instruction PRIMARY KEY (order_id), 
	CONSTRAINT uq_instruction_request_id UNIQUE (request_id)
);
INSERT INTO "instruction" VALUES('PYGBH5M45','f95a6545-f5eb-4fa1-9996-5d4fd52f2a58','','closed',1,'2026-11-24 09:01:00.000000','R1','ACSC',NULL,NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "instruction" VALUES('PTSKX9QQF','523b1a66-7d9e-41d6-bc94-2fd4c8b08e0f','','closed',1,'2026-11-24 09:02:00.000000',NULL,NULL,NULL,NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "instruction" VALUES('PNEC4B60J','73e975cf-c579-4446-88f0-7ae9cfa879a4','','unknown',1,'2026-11-24 09:03:00.000000',NULL,NULL,NULL,NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "instruction" VALUES('PDSMAY209','37b38e1d-e64e-42e0-8c60-f3d90ac046e3','','acknowledged',1,'2026-11-24 09:04:00.000000','R1','ACSP',NULL,NULL,'2026-11-24 09:04:00.000000');
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
INSERT INTO "payment_order" VALUES('PYGBH5M45',1,5,'settled','10cdcb36f57ea6c091367caf4b38f0ade3a8e9a7b7b25f22d42c28c7ab1e969c','test:1','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PYGBH5M45-BZSQDE4PV3','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["funds_unchecked"]',NULL,NULL,NULL,'2026-11-24 09:00:00.000000','2026-11-27 09:00:00.000000','2026-11-24 09:01:00.000000');
INSERT INTO "payment_order" VALUES('PTSKX9QQF',1,5,'failed','d5a0d5286e2dc0543b6a7bef3b4b5e526647ce676c834e77c103d7e24efbdef5','test:2','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PTSKX9QQF-9534TNY6BX','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,'AC04','closed account','2026-11-24 09:01:00.000000','2026-11-27 09:01:00.000000','2026-11-24 09:02:00.000000');
INSERT INTO "payment_order" VALUES('PNEC4B60J',1,5,'unknown','7b9ef38bdda4b2736c5c2815e02df64f16d323e1fb0a0151e563e88db87b2e40','test:3','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PNEC4B60J-N1ZD4B43E2','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,'http.timeout','no answer','2026-11-24 09:02:00.000000','2026-11-27 09:02:00.000000','2026-11-24 09:03:00.000000');
INSERT INTO "payment_order" VALUES('PDSMAY209',1,5,'submitted','6149cd23b39b66dece53561393d76756b933203ca79b1b9cb94f4b0a63966106','test:4','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PDSMAY209-171E325VKE','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,NULL,NULL,'2026-11-24 09:03:00.000000','2026-11-27 09:03:00.000000','2026-11-24 09:04:00.000000');
INSERT INTO "payment_order" VALUES('P31Q8WF21',1,3,'approved','7c6454476b186d8197724a20115ec7e3f537604e6e705993b6334ebbe407212d','test:5','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-P31Q8WF21-4KHM5NT9ZQ','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,NULL,NULL,'2026-11-24 09:04:00.000000','2026-11-27 09:04:00.000000','2026-11-24 09:04:00.000000');
INSERT INTO "payment_order" VALUES('PYSKAQ5XX',1,2,'pending','96a6e99af1f7793a2926ff225de5c97e1d375485e7044fd602a0879cd6d3ab7b','test:6','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PYSKAQ5XX-72J4R5S8A9','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,NULL,NULL,'2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
INSERT INTO "payment_order" VALUES('PQ7QZR6P6',1,2,'rejected','ee2cd0493c159c238dacde74b0b95ae1e27842f20c6bd7719bc9e1396800e875','test:7','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','回单 “7”',NULL,'CS-PQ7QZR6P6-WWMEX306T2','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,'rejected','not ours','2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
INSERT INTO "payment_order" VALUES('PAPB7ZBKK',1,1,'pending','12da87f43ce7a80e459b9aa21b36011e843b38f3ec6a2a8dce1af6c8da9b25f5','test:8','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PAPB7ZBKK-1F6YZBP0Y6','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]',NULL,NULL,NULL,'2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
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
INSERT INTO "receipt" VALUES('PYGBH5M45','R1','text/plain',X'70616964','268ad70eb5bc4737a2ae28162cbca30118cc94520e49ef1ac5f72c85d3f2caa9',NULL,0,'2026-11-24 09:01:00.000000');
CREATE TABLE schema_info (
	version INTEGER NOT NULL, 
	CONSTRAINT pk_schema_info PRIMARY KEY (version)
);
INSERT INTO "schema_info" VALUES(1);
CREATE TABLE second_factor (
	person_id VARCHAR(64) NOT NULL, 
	secret BLOB NOT NULL, 
	last_step BIGINT NOT NULL, 
	failures INTEGER NOT NULL, 
	locked_until DATETIME, 
	enrolled_at DATETIME NOT NULL, 
	CONSTRAINT pk_second_factor PRIMARY KEY (person_id)
);
INSERT INTO "second_factor" VALUES('amara',X'018D77C95F751071C42BC78CCC0929800B5B687EE129F5D4A7B9E66E1DC1D34D6D03AC0C52D06E8F5B2802635BD22B437A6E65B9067AE4F7407C91B278',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('bea',X'01A9F36D1113F2CE57C564FE681185A1078C3B06D2445F397800D15ABDFC3F08315895E6D2B47AC5D1B202228744CF39EA01642A49A12C2A63B7F8ED1B',59850370,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('carl',X'01B77D22DB0AF31D1B384C0B61B054C6262241870A3CC10DE0BC511E36B57A51B5B38DCDB79A4769333DC09F0F929210BCF2E44139A16FBF28049DC1F0',59850368,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('dong',X'01604B555D60FD66ED025041AF89F08BBC9F9D126174D15883698809F6EBEBC3E4A953B0016FD843FB268D465C37B02BC4F251F8B1DFC62605E722B56E',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('eve',X'01057D5FFA29AFAE6310CFE9EC492B576F34416D60DE74066FD058B444E7DAD6BCC73067506C5C3297189CD50D70913ABBC8BB4D4D0615891B970AE490',0,0,NULL,'2026-11-24 09:00:00.000000');
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
CREATE TABLE told (
	chat VARCHAR(16) NOT NULL, 
	seq BIGINT NOT NULL, 
	audience VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_told PRIMARY KEY (chat, seq, audience)
);
CREATE INDEX ix_audit_entry_subject ON audit_entry (subject, seq);
CREATE INDEX ix_payment_order_requester ON payment_order (requester_id, created_at);
CREATE INDEX ix_payment_order_state ON payment_order (state, expires_at);
CREATE INDEX ix_payment_order_twin ON payment_order (creditor_iban, amount_minor, created_at);
CREATE INDEX ix_document_account_state ON document (account_id, state, period_to, seen_at);
CREATE INDEX ix_statement_account ON statement (account_id, id);
CREATE INDEX ix_statement_entry_end_to_end_id ON statement_entry (end_to_end_id);
CREATE INDEX ix_statement_entry_order_id ON statement_entry (order_id);
CREATE INDEX ix_statement_entry_booking_date ON statement_entry (account_id, booking_date);
CREATE INDEX ix_statement_entry_break ON statement_entry (account_id, booking_date) WHERE break_reason IS NOT NULL;
COMMIT;
