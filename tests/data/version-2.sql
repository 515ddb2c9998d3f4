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
INSERT INTO "approval" VALUES('PPADYZJ7S',1,'bea','acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8','approve','totp',NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "approval" VALUES('PPADYZJ7S',1,'carl','acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8','approve','totp',NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "approval" VALUES('PMG2VMY9M',1,'bea','8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc','approve','totp',NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "approval" VALUES('PMG2VMY9M',1,'carl','8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc','approve','totp',NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "approval" VALUES('PK7MXKVMY',1,'bea','1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30','approve','totp',NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "approval" VALUES('PK7MXKVMY',1,'carl','1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30','approve','totp',NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "approval" VALUES('P3SZ578RJ',1,'bea','ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441','approve','totp',NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "approval" VALUES('P3SZ578RJ',1,'carl','ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441','approve','totp',NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "approval" VALUES('P5HC9073B',1,'bea','cb91cad9168471bf5d1736fc0f1fb1b624d918354806441b51d26ba94314fc0c','approve','totp',NULL,'2026-11-24 09:04:00.000000');
INSERT INTO "approval" VALUES('P5HC9073B',1,'carl','cb91cad9168471bf5d1736fc0f1fb1b624d918354806441b51d26ba94314fc0c','approve','totp',NULL,'2026-11-24 09:04:00.000000');
INSERT INTO "approval" VALUES('PG8JX2DEX',1,'bea','c10f6a64d47e623ae43f6c1177b0a8d039bb320535189bac0dc373d2042cf48a','approve','totp',NULL,'2026-11-24 09:05:00.000000');
INSERT INTO "approval" VALUES('PWZTTB0X7',1,'carl','8e225aa9186144492e9b78fc195d5908eace9464970c362d012d8471c1e8f122','reject','none','not ours','2026-11-24 09:05:00.000000');
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
INSERT INTO "audit_entry" VALUES(8,'2026-11-24 09:00:00.000000','amara','order.requested','PPADYZJ7S','{"actor":"amara","at":"2026-11-24T09:00:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8","end_to_end_id":"CS-PPADYZJ7S-1VRATRGRXB","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":8,"subject":"PPADYZJ7S"}','31e4cfd3aed0edfda105703ad058224a3cc966f808e5d71e2bae9a97dca21271','12dd95f52b4b6abeca0334c28f2d5fb279d07b4cddccca70d471e46cf52fac1c');
INSERT INTO "audit_entry" VALUES(9,'2026-11-24 09:00:00.000000','bea','order.approval','PPADYZJ7S','{"actor":"bea","at":"2026-11-24T09:00:00.000000+00:00","facts":{"digest":"acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":9,"subject":"PPADYZJ7S"}','12dd95f52b4b6abeca0334c28f2d5fb279d07b4cddccca70d471e46cf52fac1c','6ff73e95d82058a047fca07bae15f6ef1aa3b5673336e3f72213078c2a7cd374');
INSERT INTO "audit_entry" VALUES(10,'2026-11-24 09:00:00.000000','carl','order.approval','PPADYZJ7S','{"actor":"carl","at":"2026-11-24T09:00:00.000000+00:00","facts":{"digest":"acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":10,"subject":"PPADYZJ7S"}','6ff73e95d82058a047fca07bae15f6ef1aa3b5673336e3f72213078c2a7cd374','2c6c1acf1691e8beb445d4742b8b4db5bb6e0eb19d7780bbc2fad982c0f7a1fd');
INSERT INTO "audit_entry" VALUES(11,'2026-11-24 09:01:00.000000','system','order.released','PPADYZJ7S','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8","end_to_end_id":"CS-PPADYZJ7S-1VRATRGRXB","from":"approved","to":"released"},"kind":"order.released","seq":11,"subject":"PPADYZJ7S"}','2c6c1acf1691e8beb445d4742b8b4db5bb6e0eb19d7780bbc2fad982c0f7a1fd','5820f842748ca9a50dd806ebca026b4507cf4c0fc8ff8f5f956903c8a16f48c3');
INSERT INTO "audit_entry" VALUES(12,'2026-11-24 09:01:00.000000','system','instruction.sending','PPADYZJ7S','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"attempt":1,"request_id":"07067d8d-1a68-4d18-9729-a5f916188b78"},"kind":"instruction.sending","seq":12,"subject":"PPADYZJ7S"}','5820f842748ca9a50dd806ebca026b4507cf4c0fc8ff8f5f956903c8a16f48c3','36d00a5bb11b335e9d471006faf3ab5ff9294409edede403bfa4607ec1d34f6b');
INSERT INTO "audit_entry" VALUES(13,'2026-11-24 09:01:00.000000','system','order.settled','PPADYZJ7S','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"code":null,"detail":null,"from":"released","reference":"R1","status":"ACSC","to":"settled","waiting_for_person":null},"kind":"order.settled","seq":13,"subject":"PPADYZJ7S"}','36d00a5bb11b335e9d471006faf3ab5ff9294409edede403bfa4607ec1d34f6b','92985343370875a2aa3a75375e38071de157c25e6e590412dffe9ba0b250cae3');
INSERT INTO "audit_entry" VALUES(14,'2026-11-24 09:01:00.000000','system','receipt.stored','PPADYZJ7S','{"actor":"system","at":"2026-11-24T09:01:00.000000+00:00","facts":{"booked_on":null,"official":false,"reference":"R1","sha256":"268ad70eb5bc4737a2ae28162cbca30118cc94520e49ef1ac5f72c85d3f2caa9"},"kind":"receipt.stored","seq":14,"subject":"PPADYZJ7S"}','92985343370875a2aa3a75375e38071de157c25e6e590412dffe9ba0b250cae3','b2e7bfa4edf7ad53c7c03614846b6c959798ef97f5dd234c92fe2a69d5d5aee3');
INSERT INTO "audit_entry" VALUES(15,'2026-11-24 09:01:00.000000','amara','order.requested','PMG2VMY9M','{"actor":"amara","at":"2026-11-24T09:01:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc","end_to_end_id":"CS-PMG2VMY9M-751ZAPP2G9","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":15,"subject":"PMG2VMY9M"}','b2e7bfa4edf7ad53c7c03614846b6c959798ef97f5dd234c92fe2a69d5d5aee3','80ffb7a05de13c6f623c901f161584312381de0320873529089d752ebe60f828');
INSERT INTO "audit_entry" VALUES(16,'2026-11-24 09:01:00.000000','bea','order.approval','PMG2VMY9M','{"actor":"bea","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":16,"subject":"PMG2VMY9M"}','80ffb7a05de13c6f623c901f161584312381de0320873529089d752ebe60f828','a0a9915ebb6efc26ddfe726c2d4eefdd8337546a7f18e7a3726284e3a8722076');
INSERT INTO "audit_entry" VALUES(17,'2026-11-24 09:01:00.000000','carl','order.approval','PMG2VMY9M','{"actor":"carl","at":"2026-11-24T09:01:00.000000+00:00","facts":{"digest":"8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":17,"subject":"PMG2VMY9M"}','a0a9915ebb6efc26ddfe726c2d4eefdd8337546a7f18e7a3726284e3a8722076','51331b94c14d9c269a6b96ea974be5ab7782e6ae977f0582da40c7700d6f605d');
INSERT INTO "audit_entry" VALUES(18,'2026-11-24 09:02:00.000000','system','order.released','PMG2VMY9M','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc","end_to_end_id":"CS-PMG2VMY9M-751ZAPP2G9","from":"approved","to":"released"},"kind":"order.released","seq":18,"subject":"PMG2VMY9M"}','51331b94c14d9c269a6b96ea974be5ab7782e6ae977f0582da40c7700d6f605d','9645d365325b94a88881f02370b1e1750a17cc6bfab03688e5ddc369f0e872f7');
INSERT INTO "audit_entry" VALUES(19,'2026-11-24 09:02:00.000000','system','instruction.sending','PMG2VMY9M','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"attempt":1,"request_id":"b424aba1-a65c-478f-8017-bbee2ba97b01"},"kind":"instruction.sending","seq":19,"subject":"PMG2VMY9M"}','9645d365325b94a88881f02370b1e1750a17cc6bfab03688e5ddc369f0e872f7','533c405f288bf9493cd8e4ffc775f61475ea3e04f3053dbac7206babe70f8e75');
INSERT INTO "audit_entry" VALUES(20,'2026-11-24 09:02:00.000000','system','order.failed','PMG2VMY9M','{"actor":"system","at":"2026-11-24T09:02:00.000000+00:00","facts":{"code":"AC04","detail":"closed account","from":"released","to":"failed"},"kind":"order.failed","seq":20,"subject":"PMG2VMY9M"}','533c405f288bf9493cd8e4ffc775f61475ea3e04f3053dbac7206babe70f8e75','a4a6b071ed5ab541cfd5beb6100958dc34037432f426ef2934fafe939e8dca51');
INSERT INTO "audit_entry" VALUES(21,'2026-11-24 09:02:00.000000','amara','order.requested','PK7MXKVMY','{"actor":"amara","at":"2026-11-24T09:02:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30","end_to_end_id":"CS-PK7MXKVMY-JD0EFNKFDF","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":21,"subject":"PK7MXKVMY"}','a4a6b071ed5ab541cfd5beb6100958dc34037432f426ef2934fafe939e8dca51','485698a66524adc0cec8e76672a238a4d69557397aa4746d7c08d1cf79f04cb5');
INSERT INTO "audit_entry" VALUES(22,'2026-11-24 09:02:00.000000','bea','order.approval','PK7MXKVMY','{"actor":"bea","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":22,"subject":"PK7MXKVMY"}','485698a66524adc0cec8e76672a238a4d69557397aa4746d7c08d1cf79f04cb5','189cd79ecb29d4f74b079e13d5a061c86599eea019e8829d03eac8e85804a050');
INSERT INTO "audit_entry" VALUES(23,'2026-11-24 09:02:00.000000','carl','order.approval','PK7MXKVMY','{"actor":"carl","at":"2026-11-24T09:02:00.000000+00:00","facts":{"digest":"1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":23,"subject":"PK7MXKVMY"}','189cd79ecb29d4f74b079e13d5a061c86599eea019e8829d03eac8e85804a050','6006dedb52675dcaac39dc3c2f0713dd5e11b119fe6101b2536b120967c8c03d');
INSERT INTO "audit_entry" VALUES(24,'2026-11-24 09:03:00.000000','system','order.released','PK7MXKVMY','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30","end_to_end_id":"CS-PK7MXKVMY-JD0EFNKFDF","from":"approved","to":"released"},"kind":"order.released","seq":24,"subject":"PK7MXKVMY"}','6006dedb52675dcaac39dc3c2f0713dd5e11b119fe6101b2536b120967c8c03d','2ccbb01441ab07833462e42d166394bcd83869554e502346b2939f88c05e7fc6');
INSERT INTO "audit_entry" VALUES(25,'2026-11-24 09:03:00.000000','system','instruction.sending','PK7MXKVMY','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"attempt":1,"request_id":"216da26c-5643-49bf-b017-22087c8cc47c"},"kind":"instruction.sending","seq":25,"subject":"PK7MXKVMY"}','2ccbb01441ab07833462e42d166394bcd83869554e502346b2939f88c05e7fc6','f2db3e2abebc7121bb183042f802f25c321c0a69f841b5f99c30026d0e236e56');
INSERT INTO "audit_entry" VALUES(26,'2026-11-24 09:03:00.000000','system','order.unknown','PK7MXKVMY','{"actor":"system","at":"2026-11-24T09:03:00.000000+00:00","facts":{"alarm":false,"code":"http.timeout","detail":"no answer","from":"released","to":"unknown"},"kind":"order.unknown","seq":26,"subject":"PK7MXKVMY"}','f2db3e2abebc7121bb183042f802f25c321c0a69f841b5f99c30026d0e236e56','c576052b21a68eac90df8eccf84456363180049084eb23d0bd2012875844ac37');
INSERT INTO "audit_entry" VALUES(27,'2026-11-24 09:03:00.000000','amara','order.requested','P3SZ578RJ','{"actor":"amara","at":"2026-11-24T09:03:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441","end_to_end_id":"CS-P3SZ578RJ-QA163YWQ9A","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":27,"subject":"P3SZ578RJ"}','c576052b21a68eac90df8eccf84456363180049084eb23d0bd2012875844ac37','137614d744c266fd80c1ea1c066fabb6810bbf09492bbf3240e2bf8bfada3f26');
INSERT INTO "audit_entry" VALUES(28,'2026-11-24 09:03:00.000000','bea','order.approval','P3SZ578RJ','{"actor":"bea","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":28,"subject":"P3SZ578RJ"}','137614d744c266fd80c1ea1c066fabb6810bbf09492bbf3240e2bf8bfada3f26','ec33fa8a69b5d717895495acc6c3bbfac626e73fb3be973006e5edc6c5ec6b4a');
INSERT INTO "audit_entry" VALUES(29,'2026-11-24 09:03:00.000000','carl','order.approval','P3SZ578RJ','{"actor":"carl","at":"2026-11-24T09:03:00.000000+00:00","facts":{"digest":"ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":29,"subject":"P3SZ578RJ"}','ec33fa8a69b5d717895495acc6c3bbfac626e73fb3be973006e5edc6c5ec6b4a','523955853a8ac0c5a71afd0871a50cc47e333c701d7b347bb4423aef5978745b');
INSERT INTO "audit_entry" VALUES(30,'2026-11-24 09:04:00.000000','system','order.released','P3SZ578RJ','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441","end_to_end_id":"CS-P3SZ578RJ-QA163YWQ9A","from":"approved","to":"released"},"kind":"order.released","seq":30,"subject":"P3SZ578RJ"}','523955853a8ac0c5a71afd0871a50cc47e333c701d7b347bb4423aef5978745b','2556658276245d3f5d26e1342c58db177eea0835710e6ff66c4d2a040cb13717');
INSERT INTO "audit_entry" VALUES(31,'2026-11-24 09:04:00.000000','system','instruction.sending','P3SZ578RJ','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"attempt":1,"request_id":"f4800583-96e3-4307-bb13-6b1232a8f76d"},"kind":"instruction.sending","seq":31,"subject":"P3SZ578RJ"}','2556658276245d3f5d26e1342c58db177eea0835710e6ff66c4d2a040cb13717','6360a2c15e2bc42287e303b2b6b4ca9b0019f2f00496d251226dc1098f21a734');
INSERT INTO "audit_entry" VALUES(32,'2026-11-24 09:04:00.000000','system','order.submitted','P3SZ578RJ','{"actor":"system","at":"2026-11-24T09:04:00.000000+00:00","facts":{"code":null,"detail":null,"from":"released","reference":"R1","status":"ACSP","to":"submitted","waiting_for_person":null},"kind":"order.submitted","seq":32,"subject":"P3SZ578RJ"}','6360a2c15e2bc42287e303b2b6b4ca9b0019f2f00496d251226dc1098f21a734','33541b227638121f4b84ab45f23fedd40fdec6e334d71976ecb0f321ed222d0a');
INSERT INTO "audit_entry" VALUES(33,'2026-11-24 09:04:00.000000','amara','order.requested','P5HC9073B','{"actor":"amara","at":"2026-11-24T09:04:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"cb91cad9168471bf5d1736fc0f1fb1b624d918354806441b51d26ba94314fc0c","end_to_end_id":"CS-P5HC9073B-BXGHVF14RZ","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":33,"subject":"P5HC9073B"}','33541b227638121f4b84ab45f23fedd40fdec6e334d71976ecb0f321ed222d0a','0172911fb85850c8c1af326c97d03061be3a733a5f9ccfe3fecf26418bfd3831');
INSERT INTO "audit_entry" VALUES(34,'2026-11-24 09:04:00.000000','bea','order.approval','P5HC9073B','{"actor":"bea","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"cb91cad9168471bf5d1736fc0f1fb1b624d918354806441b51d26ba94314fc0c","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":34,"subject":"P5HC9073B"}','0172911fb85850c8c1af326c97d03061be3a733a5f9ccfe3fecf26418bfd3831','204b187d4ef2629c3b371dc11ae6451e8b1a2bc91b118ac1229d5a4252e293b2');
INSERT INTO "audit_entry" VALUES(35,'2026-11-24 09:04:00.000000','carl','order.approval','P5HC9073B','{"actor":"carl","at":"2026-11-24T09:04:00.000000+00:00","facts":{"digest":"cb91cad9168471bf5d1736fc0f1fb1b624d918354806441b51d26ba94314fc0c","factor":"totp","filled":[["controller","bea"],["cfo","carl"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"approved","version":1},"kind":"order.approval","seq":35,"subject":"P5HC9073B"}','204b187d4ef2629c3b371dc11ae6451e8b1a2bc91b118ac1229d5a4252e293b2','230184312ebe1872e21a6ede632540137aab5436c15019b02ae6f5c25239c3ea');
INSERT INTO "audit_entry" VALUES(36,'2026-11-24 09:05:00.000000','amara','order.requested','PG8JX2DEX','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"c10f6a64d47e623ae43f6c1177b0a8d039bb320535189bac0dc373d2042cf48a","end_to_end_id":"CS-PG8JX2DEX-G374GZRYDH","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":36,"subject":"PG8JX2DEX"}','230184312ebe1872e21a6ede632540137aab5436c15019b02ae6f5c25239c3ea','4c7904ef59aafac09021166b820cc03a41d3d252c49403dbb970d19dbb9b3f98');
INSERT INTO "audit_entry" VALUES(37,'2026-11-24 09:05:00.000000','bea','order.approval','PG8JX2DEX','{"actor":"bea","at":"2026-11-24T09:05:00.000000+00:00","facts":{"digest":"c10f6a64d47e623ae43f6c1177b0a8d039bb320535189bac0dc373d2042cf48a","factor":"totp","filled":[["controller","bea"]],"from":"pending","policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","to":"pending","version":1},"kind":"order.approval","seq":37,"subject":"PG8JX2DEX"}','4c7904ef59aafac09021166b820cc03a41d3d252c49403dbb970d19dbb9b3f98','8f3dc72dccbf9e912b07d82708367fb261b4353f6600928c0846c03933655f86');
INSERT INTO "audit_entry" VALUES(38,'2026-11-24 09:05:00.000000','amara','order.requested','PWZTTB0X7','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"8e225aa9186144492e9b78fc195d5908eace9464970c362d012d8471c1e8f122","end_to_end_id":"CS-PWZTTB0X7-QPKZ5KKEVJ","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"回单 “7”","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":38,"subject":"PWZTTB0X7"}','8f3dc72dccbf9e912b07d82708367fb261b4353f6600928c0846c03933655f86','d4316e97728abb9a35fcdc31e598370fe8b5d55f0d8f9f1f156b43c67e8a0461');
INSERT INTO "audit_entry" VALUES(39,'2026-11-24 09:05:00.000000','carl','order.rejected','PWZTTB0X7','{"actor":"carl","at":"2026-11-24T09:05:00.000000+00:00","facts":{"digest":"8e225aa9186144492e9b78fc195d5908eace9464970c362d012d8471c1e8f122","from":"pending","reason":"not ours","to":"rejected","version":1},"kind":"order.rejected","seq":39,"subject":"PWZTTB0X7"}','d4316e97728abb9a35fcdc31e598370fe8b5d55f0d8f9f1f156b43c67e8a0461','a93f0b8b1f4fd8c185cb574c9222eea949313157dd4c1c802c252814fa9ecf8b');
INSERT INTO "audit_entry" VALUES(40,'2026-11-24 09:05:00.000000','amara','order.requested','PX3ZNDVDD','{"actor":"amara","at":"2026-11-24T09:05:00.000000+00:00","facts":{"account":"operating-eur","amount":"1250.00 EUR","attachments":[],"connector":"bank","creditor_iban":"DE75512108001245126199","creditor_name":"ACME GmbH","debtor_iban":"DE89370400440532013000","digest":"b233c6925119597a26f50368e127ae6e6b20323219337807a59b7223a220fa94","end_to_end_id":"CS-PX3ZNDVDD-2NNCBAHBVP","execution_date":null,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","remittance":"INV-7","risks":["duplicate","funds_unchecked"],"rules":["Every payment","From 1 000 up"],"version":1},"kind":"order.requested","seq":40,"subject":"PX3ZNDVDD"}','a93f0b8b1f4fd8c185cb574c9222eea949313157dd4c1c802c252814fa9ecf8b','2dd2c3866c5eff1787330202a938a95ed956fe45abb615a94233d9f430a8e65c');
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
INSERT INTO "chat_identity" VALUES('slack','U0AMARA','amara','2026-11-24 09:00:00.000000',NULL,NULL);
CREATE TABLE chat_preference (
	person_id VARCHAR(64) NOT NULL, 
	chat VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_chat_preference PRIMARY KEY (person_id)
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
INSERT INTO "instruction" VALUES('PPADYZJ7S','07067d8d-1a68-4d18-9729-a5f916188b78','','closed',1,'2026-11-24 09:01:00.000000','R1','ACSC',NULL,NULL,'2026-11-24 09:01:00.000000');
INSERT INTO "instruction" VALUES('PMG2VMY9M','b424aba1-a65c-478f-8017-bbee2ba97b01','','closed',1,'2026-11-24 09:02:00.000000',NULL,NULL,NULL,NULL,'2026-11-24 09:02:00.000000');
INSERT INTO "instruction" VALUES('PK7MXKVMY','216da26c-5643-49bf-b017-22087c8cc47c','','unknown',1,'2026-11-24 09:03:00.000000',NULL,NULL,NULL,NULL,'2026-11-24 09:03:00.000000');
INSERT INTO "instruction" VALUES('P3SZ578RJ','f4800583-96e3-4307-bb13-6b1232a8f76d','','acknowledged',1,'2026-11-24 09:04:00.000000','R1','ACSP',NULL,NULL,'2026-11-24 09:04:00.000000');
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
INSERT INTO "payment_order" VALUES('PPADYZJ7S',1,5,'settled','acaeeb17b160f3b3e55f5f4daf4d97da7d0fe041fa8d4160776e192f719acca8','test:1','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PPADYZJ7S-1VRATRGRXB','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:00:00.000000','2026-11-27 09:00:00.000000','2026-11-24 09:01:00.000000');
INSERT INTO "payment_order" VALUES('PMG2VMY9M',1,5,'failed','8bd9f1e051d718ad313997ca5976ecfc101324c22a23ac566c09ac3256d4e9cc','test:2','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PMG2VMY9M-751ZAPP2G9','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,'AC04','closed account','2026-11-24 09:01:00.000000','2026-11-27 09:01:00.000000','2026-11-24 09:02:00.000000');
INSERT INTO "payment_order" VALUES('PK7MXKVMY',1,5,'unknown','1b129e384aaf58362086475f8bb7d1009ca131de4ff270342f9134215a761d30','test:3','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PK7MXKVMY-JD0EFNKFDF','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,'http.timeout','no answer','2026-11-24 09:02:00.000000','2026-11-27 09:02:00.000000','2026-11-24 09:03:00.000000');
INSERT INTO "payment_order" VALUES('P3SZ578RJ',1,5,'submitted','ce747794003321afd8f99f63ead324073665243f3db5967cb77bc27037432441','test:4','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-P3SZ578RJ-QA163YWQ9A','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:03:00.000000','2026-11-27 09:03:00.000000','2026-11-24 09:04:00.000000');
INSERT INTO "payment_order" VALUES('P5HC9073B',1,3,'approved','cb91cad9168471bf5d1736fc0f1fb1b624d918354806441b51d26ba94314fc0c','test:5','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-P5HC9073B-BXGHVF14RZ','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:04:00.000000','2026-11-27 09:04:00.000000','2026-11-24 09:04:00.000000');
INSERT INTO "payment_order" VALUES('PG8JX2DEX',1,2,'pending','c10f6a64d47e623ae43f6c1177b0a8d039bb320535189bac0dc373d2042cf48a','test:6','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PG8JX2DEX-G374GZRYDH','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
INSERT INTO "payment_order" VALUES('PWZTTB0X7',1,2,'rejected','8e225aa9186144492e9b78fc195d5908eace9464970c362d012d8471c1e8f122','test:7','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','回单 “7”',NULL,'CS-PWZTTB0X7-QPKZ5KKEVJ','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,'rejected','not ours','2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
INSERT INTO "payment_order" VALUES('PX3ZNDVDD',1,1,'pending','b233c6925119597a26f50368e127ae6e6b20323219337807a59b7223a220fa94','test:8','amara','operating-eur','DE89370400440532013000','bank','acme','ACME GmbH','DE75512108001245126199',NULL,NULL,125000,'EUR','INV-7',NULL,'CS-PX3ZNDVDD-2NNCBAHBVP','{"base_amount":["1250.00","EUR"],"expires_after":259200,"policy_hash":"f7730c4d98d64a757ef1081db40b3e936c557a5b7cc5928360024c9865af33e0","reasons":[{"rule":"Every payment","slots":[{"count":1,"role":"controller"}]},{"rule":"From 1 000 up","slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}],"refused_by":null,"slots":[{"count":1,"role":"controller"},{"count":1,"role":"cfo"}]}','["duplicate", "funds_unchecked"]','[]',NULL,NULL,NULL,'2026-11-24 09:05:00.000000','2026-11-27 09:05:00.000000','2026-11-24 09:05:00.000000');
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
INSERT INTO "receipt" VALUES('PPADYZJ7S','R1','text/plain',X'70616964','268ad70eb5bc4737a2ae28162cbca30118cc94520e49ef1ac5f72c85d3f2caa9',NULL,0,'2026-11-24 09:01:00.000000');
CREATE TABLE schema_info (
	version INTEGER NOT NULL, 
	CONSTRAINT pk_schema_info PRIMARY KEY (version)
);
INSERT INTO "schema_info" VALUES(2);
CREATE TABLE second_factor (
	person_id VARCHAR(64) NOT NULL, 
	secret BLOB NOT NULL, 
	last_step BIGINT NOT NULL, 
	failures INTEGER NOT NULL, 
	locked_until DATETIME, 
	enrolled_at DATETIME NOT NULL, 
	CONSTRAINT pk_second_factor PRIMARY KEY (person_id)
);
INSERT INTO "second_factor" VALUES('amara',X'0136121684B8C5AD89189A02C3E5BC798DE4F728F890E9FCED4A3EA546523A04680BA6B847F1A8AFC7BE134F4C6CC17ADB4EB08AC0DB613D9820E6D138',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('bea',X'01D9E3187A58339A5413EEC5C8482401EF32055ED6059BAC6A57AD38EF67DB631455275904B52D8D3DD2C0E953E422D04D1F80508F5668A905A773C7E3',59850370,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('carl',X'01315798ADA3D442D98940997CB266AFFDE0D3E8A96802753731F226079A29FBFAAD7FA81AAE901E9DE92AA9C823D70F749499B0808B039CB0CC8E529E',59850368,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('dong',X'01EF6C6E12994FD825E57D95D7D170DC680BABDB8D50CBC8FD58B37A9EB0A77530C6773022C464C7278016D642F124D99A0F25FF500CC057F98956447F',0,0,NULL,'2026-11-24 09:00:00.000000');
INSERT INTO "second_factor" VALUES('eve',X'016DC4B1F62FFADB29A34B3F88CB0C8BA7CEAFBA56B4583BFA0D3CB63E26BACA10D97AE68BAB5B12FDA0F25D1444291FC6F61150575C553C12A7EC9C4A',0,0,NULL,'2026-11-24 09:00:00.000000');
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
CREATE INDEX ix_payment_order_requester ON payment_order (requester_id, created_at);
CREATE INDEX ix_payment_order_twin ON payment_order (creditor_iban, amount_minor, created_at);
CREATE INDEX ix_payment_order_state ON payment_order (state, expires_at);
CREATE INDEX ix_kept_file_person ON kept_file (person_id, stored_at);
CREATE INDEX ix_kept_file_order_id ON kept_file (order_id);
CREATE INDEX ix_telegram_update_waiting ON telegram_update (sender_id, update_id) WHERE done_at IS NULL;
CREATE INDEX ix_telegram_message_place ON telegram_message (chat_id, message_id);
CREATE INDEX ix_telegram_message_created_at ON telegram_message (created_at);
CREATE INDEX ix_telegram_dialogue_user_id ON telegram_dialogue (user_id, updated_at);
CREATE INDEX ix_telegram_dialogue_updated_at ON telegram_dialogue (updated_at);
CREATE INDEX ix_telegram_deep_link_created_at ON telegram_deep_link (created_at);
CREATE INDEX ix_document_account_state ON document (account_id, state, period_to, seen_at);
CREATE INDEX ix_statement_account ON statement (account_id, id);
CREATE INDEX ix_statement_entry_end_to_end_id ON statement_entry (end_to_end_id);
CREATE INDEX ix_statement_entry_break ON statement_entry (account_id, booking_date) WHERE break_reason IS NOT NULL;
CREATE INDEX ix_statement_entry_booking_date ON statement_entry (account_id, booking_date);
CREATE INDEX ix_statement_entry_order_id ON statement_entry (order_id);
COMMIT;
