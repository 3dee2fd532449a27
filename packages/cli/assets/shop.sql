-- A shop with a bit of everything that a dump must carry. About 250,000 rows.
CREATE SCHEMA sales;
CREATE SCHEMA "Lager & Büro";

CREATE TYPE sales.order_state AS ENUM ('new', 'paid', 'shipped', 'returned');

CREATE TABLE sales.customers (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000) PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  preferences jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT '2026-01-01 00:00:00+00'
);

CREATE TABLE sales.products (
  id integer PRIMARY KEY,
  name text NOT NULL,
  net_price numeric(10, 2) NOT NULL CHECK (net_price >= 0),
  gross_price numeric(10, 2) GENERATED ALWAYS AS (net_price * 1.19) STORED,
  picture bytea
);

CREATE TABLE sales.orders (
  id bigint NOT NULL,
  customer_id bigint NOT NULL REFERENCES sales.customers (id),
  state sales.order_state NOT NULL DEFAULT 'new',
  placed_on date NOT NULL,
  PRIMARY KEY (id, placed_on)
) PARTITION BY RANGE (placed_on);
CREATE TABLE sales.orders_2025 PARTITION OF sales.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE sales.orders_2026 PARTITION OF sales.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

CREATE TABLE sales.order_lines (
  order_id bigint NOT NULL,
  placed_on date NOT NULL,
  line smallint NOT NULL,
  product_id integer NOT NULL REFERENCES sales.products (id),
  quantity integer NOT NULL,
  PRIMARY KEY (order_id, placed_on, line),
  FOREIGN KEY (order_id, placed_on) REFERENCES sales.orders (id, placed_on)
);

CREATE TABLE "Lager & Büro"."Größe ""XL""" (
  "Straße Nr." integer PRIMARY KEY,
  "Menge" integer NOT NULL,
  "Übergabe" interval NOT NULL
);

CREATE TABLE sales.price_changes (product_id integer, old_price numeric, new_price numeric);
CREATE FUNCTION sales.note_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sales.price_changes VALUES (NEW.id, OLD.net_price, NEW.net_price);
  RETURN NEW;
END $$;
CREATE TRIGGER price_changed AFTER UPDATE OF net_price ON sales.products FOR EACH ROW EXECUTE FUNCTION sales.note_price();

CREATE SEQUENCE sales.invoice_number START WITH 4711 INCREMENT BY 7;

INSERT INTO sales.customers (name, email, preferences)
SELECT 'Customer ' || n, 'customer' || n || '@example.com', jsonb_build_object('newsletter', n % 3 = 0, 'tags', jsonb_build_array('t' || n % 10, 'ü'))
FROM generate_series(1, 20000) AS n;

INSERT INTO sales.products (id, name, net_price, picture)
SELECT n, 'Product ' || n || repeat(' x', n % 20), (n % 1000) / 7.0, decode(md5(n::text) || md5((n + 1)::text), 'hex')
FROM generate_series(1, 5000) AS n;

INSERT INTO sales.orders
SELECT n, 1000 + n % 20000, (ARRAY['new', 'paid', 'shipped', 'returned']::sales.order_state[])[1 + n % 4], date '2025-01-01' + n % 700
FROM generate_series(1, 60000) AS n;

INSERT INTO sales.order_lines
SELECT o.id, o.placed_on, line, 1 + (o.id * 7 + line) % 5000, 1 + (o.id + line) % 9
FROM sales.orders AS o, generate_series(1, 3) AS line;

INSERT INTO "Lager & Büro"."Größe ""XL""" SELECT n, n * 3, n * interval '1 minute' FROM generate_series(1, 500) AS n;

UPDATE sales.products SET net_price = net_price + 1 WHERE id <= 100;
SELECT nextval('sales.invoice_number') FROM generate_series(1, 42);
SELECT lo_from_bytea(424242, decode(repeat('c0ffee', 20000), 'hex'));

CREATE MATERIALIZED VIEW sales.turnover AS
SELECT date_trunc('month', l.placed_on)::date AS month, sum(l.quantity * p.net_price) AS net
FROM sales.order_lines AS l JOIN sales.products AS p ON p.id = l.product_id GROUP BY 1;
CREATE INDEX ON sales.turnover (month);
CREATE VIEW sales.open_orders AS SELECT * FROM sales.orders WHERE state IN ('new', 'paid');
