-- A shop, made up for `custmerge help attach`: its customers' keys are texts, and what only a customer knows is the
-- number of an order. It runs on SQLite and PostgreSQL. Passwords: K-100 "assam und ceylon", K-200 "darjeeling im mai".
CREATE TABLE "user" (
  uuid CHAR(36) PRIMARY KEY, number VARCHAR(20) NOT NULL UNIQUE, "firstName" VARCHAR(40), "lastName" VARCHAR(40),
  email VARCHAR(80), "passwordHash" VARCHAR(120), currency CHAR(3) NOT NULL, "closedInto" VARCHAR(20));
CREATE TABLE address (
  id INTEGER PRIMARY KEY, "userUuid" CHAR(36) NOT NULL REFERENCES "user" (uuid), kind VARCHAR(10) NOT NULL,
  street VARCHAR(80), postcode VARCHAR(10), city VARCHAR(40), phone VARCHAR(30));
CREATE TABLE purchase (
  id INTEGER PRIMARY KEY, "orderNo" VARCHAR(20) NOT NULL, "userUuid" CHAR(36) NOT NULL REFERENCES "user" (uuid),
  total NUMERIC(10, 2));
CREATE TABLE review (
  id INTEGER PRIMARY KEY, "userUuid" CHAR(36) NOT NULL REFERENCES "user" (uuid), product INTEGER NOT NULL,
  stars INTEGER, UNIQUE ("userUuid", product));
CREATE TABLE vote (
  id INTEGER PRIMARY KEY, review INTEGER NOT NULL REFERENCES review (id) ON DELETE CASCADE, useful INTEGER NOT NULL);
CREATE TABLE points ("userUuid" CHAR(36) PRIMARY KEY, balance INTEGER NOT NULL);
CREATE TABLE "passwordReset" (id INTEGER PRIMARY KEY, "userUuid" CHAR(36) NOT NULL, token VARCHAR(40));

INSERT INTO "user" VALUES
  ('0b0e6f0e-6a3f-4a39-9d0f-0f2a5a3c1d01', 'K-100', 'Ute', 'Brandt', 'ute@teehaus.example',
   '$2b$10$lqwJZgOTKmH3c3dT3vElteJJzpVHh/5rGIvwERAyizD6B2aVgePgq', 'EUR', NULL),
  ('5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 'K-200', 'Ute', 'Brandt', 'brandt@linde.example',
   '$2b$10$luEYI.8RcSAf/P6igXwrc.2NF1EjNfGIavGamM.9/ESTyQmR3yfY6', 'EUR', NULL),
  ('c7a1f3de-90bb-4f0c-a9a3-6e5f4d3c2b03', 'K-300', 'Jan', 'Meier', 'jan@meier.example', NULL, 'CHF', NULL);
INSERT INTO address VALUES
  (1, '0b0e6f0e-6a3f-4a39-9d0f-0f2a5a3c1d01', 'invoice', 'Lindenallee 4', '70173', 'Stuttgart', '0711 12345'),
  (2, '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 'invoice', 'Hauptstr. 9', '70173', 'Stuttgart', '0711 12345'),
  (3, '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 'parcel', 'Packstation 104', '70173', 'Stuttgart', NULL),
  (4, 'c7a1f3de-90bb-4f0c-a9a3-6e5f4d3c2b03', 'invoice', 'Am Wehr 1', '8001', 'Zürich', NULL);
INSERT INTO purchase VALUES
  (1, 'B-2026-17', '0b0e6f0e-6a3f-4a39-9d0f-0f2a5a3c1d01', 24.90),
  (2, 'B-2026-41', '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 12.40),
  (3, 'B-2026-42', '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 8.00),
  (4, 'B-2026-43', 'c7a1f3de-90bb-4f0c-a9a3-6e5f4d3c2b03', 19.00);
INSERT INTO review VALUES
  (1, '0b0e6f0e-6a3f-4a39-9d0f-0f2a5a3c1d01', 5, 4), (2, '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 5, 5),
  (3, '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 6, 3);
INSERT INTO vote VALUES (1, 1, 1), (2, 2, 1), (3, 2, 0), (4, 3, 1);
INSERT INTO points VALUES ('0b0e6f0e-6a3f-4a39-9d0f-0f2a5a3c1d01', 120), ('5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 30);
INSERT INTO "passwordReset" VALUES (1, '5d2c8a54-1c0b-4f4e-8f6d-2b7d9a1e2f02', 'f00d');
