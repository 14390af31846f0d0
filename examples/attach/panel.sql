-- A hosting panel, made up for `custmerge help attach`: clients, their services and domains, and what points at them.
-- It runs on SQLite and PostgreSQL. Passwords: client 4711 "assam und ceylon", 4712 "darjeeling im mai".
CREATE TABLE client (
  id INTEGER PRIMARY KEY, client_no VARCHAR(20) NOT NULL UNIQUE, company VARCHAR(80), firstname VARCHAR(40),
  lastname VARCHAR(40), address VARCHAR(80), zip VARCHAR(10), city VARCHAR(40), phone VARCHAR(30), email VARCHAR(80),
  iban VARCHAR(34), password VARCHAR(80), status VARCHAR(10) NOT NULL, updated_at TIMESTAMP);
CREATE TABLE service (
  id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES client (id), title VARCHAR(40), status VARCHAR(10));
CREATE TABLE domain (
  id INTEGER PRIMARY KEY, service_id INTEGER NOT NULL REFERENCES service (id), domain VARCHAR(80) NOT NULL UNIQUE);
CREATE TABLE invoice (
  id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES client (id), total NUMERIC(10, 2),
  updated_at TIMESTAMP);
-- No constraints from here on, as in most panels.
CREATE TABLE ticket (id INTEGER PRIMARY KEY, client_id INTEGER, subject VARCHAR(80));
CREATE TABLE newsletter (
  id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL, list_id INTEGER NOT NULL, UNIQUE (client_id, list_id));
CREATE TABLE credit (id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL, currency CHAR(3), balance NUMERIC(10, 2));
CREATE TABLE note (id INTEGER PRIMARY KEY, target_type VARCHAR(10), target_id INTEGER, body VARCHAR(200));
CREATE TABLE client_session (id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL, token VARCHAR(40));
CREATE TABLE activity_log (id INTEGER PRIMARY KEY, client_id INTEGER, action VARCHAR(40));

INSERT INTO client VALUES
  (1, '4711', 'Teehaus Linde', 'Ute', 'Brandt', 'Lindenallee 4', '70173', 'Stuttgart', '0711 12345',
   'ute@teehaus.example', 'DE89370400440532013000',
   '$2b$10$lqwJZgOTKmH3c3dT3vElteJJzpVHh/5rGIvwERAyizD6B2aVgePgq', 'active', '2026-01-05 09:00:00'),
  (2, '4712', 'Teehaus Linde', 'Ute', 'Brandt', 'Hauptstr. 9', '70173', 'Stuttgart', '0711 12345',
   'ute@teehaus.example', NULL,
   '$2b$10$luEYI.8RcSAf/P6igXwrc.2NF1EjNfGIavGamM.9/ESTyQmR3yfY6', 'active', '2026-02-05 09:00:00'),
  (3, '4713', NULL, 'Jan', 'Meier', 'Am Wehr 1', '20095', 'Hamburg', NULL, 'jan@meier.example', NULL, NULL,
   'active', NULL);
INSERT INTO service VALUES (11, 1, 'Web', 'active'), (12, 2, 'Shop', 'active'), (13, 2, 'Mail', 'cancelled'), (14, 3, 'Web', 'active');
INSERT INTO domain VALUES (21, 11, 'teehaus.example'), (22, 12, 'teeladen.example'), (23, 14, 'meier.example');
INSERT INTO invoice VALUES (101, 1, 119.00, NULL), (102, 2, 59.50, '2026-02-05 09:00:00'), (103, 2, 59.50, NULL), (104, 3, 9.90, NULL);
INSERT INTO ticket VALUES (1, 1, 'Zertifikat'), (2, 2, 'Umzug'), (3, 99, 'from a client who is gone');
INSERT INTO newsletter VALUES (1, 1, 7), (2, 2, 7), (3, 2, 8), (4, 3, 7);
INSERT INTO credit VALUES (1, 1, 'EUR', 10.00), (2, 2, 'EUR', 2.50), (3, 3, 'EUR', 5.00);
INSERT INTO note VALUES (1, 'client', 2, 'calls back'), (2, 'invoice', 2, 'paid twice'), (3, 'client', 1, 'friendly');
INSERT INTO client_session VALUES (1, 1, 'a8f1'), (2, 2, '77c0');
INSERT INTO activity_log VALUES (1, 1, 'login'), (2, 2, 'login'), (3, 2, 'order');
