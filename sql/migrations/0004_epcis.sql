-- EPCIS capture jobs, events as captured, and the vocabulary that maps them to movements.

-- One capture each: what was sent around the events, and what became of it.
CREATE TABLE epcis_captures (
    capture_id      uuid PRIMARY KEY,
    feed            text NOT NULL,
    error_behaviour text NOT NULL CHECK (error_behaviour IN ('rollback', 'proceed')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    success         boolean NOT NULL DEFAULT true,
    header          json NOT NULL DEFAULT '{}',
    events          integer NOT NULL DEFAULT 0,
    duplicates      integer NOT NULL DEFAULT 0,
    errors          jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON COLUMN epcis_captures.header IS 'the document without its events: context, sender, master data';
-- Serves the list of captures, newest first.
CREATE INDEX epcis_captures_created ON epcis_captures (created_at DESC, capture_id);

-- Events as they came. Identifiers in arrays are in one spelling (GS1 Digital Link) and carry the patterns that match
-- them, so that a MATCH_ parameter is one overlap of arrays. An error declaration is a row beside the event it is for.
CREATE TABLE epcis_events (
    event_no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity         text COLLATE "C" NOT NULL,
    declares_error   boolean NOT NULL DEFAULT false,
    event_hash       text COLLATE "C" NOT NULL,
    payload_hash     text COLLATE "C" NOT NULL,
    capture_id       uuid NOT NULL REFERENCES epcis_captures,
    feed             text NOT NULL,
    event            json NOT NULL,
    context          json NOT NULL DEFAULT '[]',
    record_time      timestamptz NOT NULL DEFAULT now(),
    event_time       timestamptz NOT NULL,
    event_type       text NOT NULL,
    action           text,
    biz_step         text,
    disposition      text,
    read_point       text,
    biz_location     text,
    transformation_id text,
    parent_id        text,
    parent_keys      text[] NOT NULL DEFAULT '{}',
    epcs             text[] NOT NULL DEFAULT '{}',
    input_epcs       text[] NOT NULL DEFAULT '{}',
    output_epcs      text[] NOT NULL DEFAULT '{}',
    classes          text[] NOT NULL DEFAULT '{}',
    input_classes    text[] NOT NULL DEFAULT '{}',
    output_classes   text[] NOT NULL DEFAULT '{}',
    quantities       numeric[] NOT NULL DEFAULT '{}',
    units            text[] NOT NULL DEFAULT '{}',
    transactions     text[] NOT NULL DEFAULT '{}',
    sources          text[] NOT NULL DEFAULT '{}',
    destinations     text[] NOT NULL DEFAULT '{}',
    dispositions_set   text[] NOT NULL DEFAULT '{}',
    dispositions_unset text[] NOT NULL DEFAULT '{}',
    error_time       timestamptz,
    error_reason     text,
    corrective_ids   text[] NOT NULL DEFAULT '{}',
    movement_state   text NOT NULL DEFAULT 'pending' CHECK (movement_state IN (
                         'pending', 'none', 'recorded', 'partial', 'rejected', 'withdrawn')),
    movement_note    text,
    movements        jsonb NOT NULL DEFAULT '[]',
    claimed_at       timestamptz,
    CHECK (declares_error = (error_time IS NOT NULL))
);
COMMENT ON COLUMN epcis_events.identity IS 'eventID, or the event hash where there is none';
COMMENT ON COLUMN epcis_events.payload_hash IS 'event hash, and for a declaration also the hash of what it declares';
COMMENT ON COLUMN epcis_events.movements IS 'what the ledger was told: id, outcome and reason of each movement';
COMMENT ON COLUMN epcis_events.claimed_at IS 'when a process took the pending event up; another may after a minute';
-- Exactly once: serves the ON CONFLICT of capture and the look-up of an event.
CREATE UNIQUE INDEX epcis_events_identity ON epcis_events (identity, declares_error);
-- Serves the search for the event that a declaration without its eventID is for.
CREATE INDEX epcis_events_hash ON epcis_events (event_hash);
-- Serve queries in the order of event time (the default) and of record time, with their ranges.
CREATE INDEX epcis_events_time ON epcis_events (event_time, event_no);
CREATE INDEX epcis_events_recorded ON epcis_events (record_time, event_no);
-- Serve EQ_bizStep, EQ_readPoint and EQ_bizLocation.
CREATE INDEX epcis_events_step ON epcis_events (biz_step, event_time);
CREATE INDEX epcis_events_read_point ON epcis_events (read_point, event_time);
CREATE INDEX epcis_events_location ON epcis_events (biz_location, event_time);
-- Serves every MATCH_ parameter, EQ_bizTransaction_, EQ_source_ and EQ_destination_.
CREATE INDEX epcis_events_matched ON epcis_events USING gin (
    epcs, parent_keys, input_epcs, output_epcs, classes, input_classes, output_classes, transactions, sources,
    destinations);
-- Serves the job's answer.
CREATE INDEX epcis_events_capture ON epcis_events (capture_id);
-- Serves the search for what a killed process left undone.
CREATE INDEX epcis_events_pending ON epcis_events (event_no) WHERE movement_state = 'pending';

-- Master data as captured: what is within a place, for WD_ parameters.
CREATE TABLE epcis_vocabulary (
    vocabulary text NOT NULL,
    element    text NOT NULL,
    attributes json NOT NULL DEFAULT '[]',
    children   text[] NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (vocabulary, element)
);

-- Places with all that is within them, for WD_ parameters.
CREATE FUNCTION epcis_within(places text[]) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE inside (place) AS (
        SELECT unnest(places)
        UNION
        SELECT unnest(v.children) FROM inside JOIN epcis_vocabulary v ON v.element = inside.place
    )
    SELECT place FROM inside
$$;
-- Serves the walk down.
CREATE INDEX epcis_vocabulary_element ON epcis_vocabulary (element);

-- Serves the search for the product of a GTIN, however many digits it was given with.
CREATE INDEX products_gtin ON products (lpad(attributes ->> 'gtin', 14, '0'));

-- Which movement an event is: the row that says most wins. * stands for anything, in `disposition` also for none.
CREATE TABLE epcis_movements (
    event_type  text NOT NULL DEFAULT 'ObjectEvent',
    biz_step    text NOT NULL DEFAULT '*',
    disposition text NOT NULL DEFAULT '*',
    action      text NOT NULL DEFAULT '*' CHECK (action IN ('*', 'ADD', 'OBSERVE', 'DELETE')),
    movement    text NOT NULL CHECK (movement IN (
                    'none', 'receipt', 'return', 'sale', 'adjustment in', 'adjustment out', 'stocktake', 'reading',
                    'dispatch', 'arrival')),
    why         text,
    PRIMARY KEY (event_type, biz_step, disposition, action)
);
INSERT INTO epcis_movements (event_type, biz_step, disposition, action, movement, why) VALUES
    ('ObjectEvent', 'receiving', '*', '*', 'receipt', 'goods came in'),
    ('ObjectEvent', 'receiving', 'returned', '*', 'return', 'goods came back'),
    ('ObjectEvent', 'shipping', '*', '*', 'adjustment out', 'goods went out; set dispatch to follow them in transit'),
    ('ObjectEvent', 'void_shipping', '*', '*', 'adjustment in', 'a shipping that did not happen'),
    ('ObjectEvent', 'retail_selling', '*', '*', 'sale', 'sold'),
    ('ObjectEvent', 'dispensing', '*', '*', 'sale', 'handed out'),
    ('ObjectEvent', 'commissioning', '*', 'ADD', 'adjustment in', 'objects that begin'),
    ('ObjectEvent', 'creating_class_instance', '*', 'ADD', 'adjustment in', 'objects that begin'),
    ('ObjectEvent', 'decommissioning', '*', 'DELETE', 'adjustment out', 'objects that end'),
    ('ObjectEvent', 'destroying', '*', '*', 'adjustment out', 'destroyed'),
    ('ObjectEvent', 'sampling', '*', 'DELETE', 'adjustment out', 'used up as samples'),
    ('ObjectEvent', 'stock_taking', '*', '*', 'stocktake', 'a count for the books'),
    ('ObjectEvent', 'cycle_counting', '*', '*', 'reading', 'a count of what a reader saw: compared, never believed'),
    ('TransformationEvent', '*', '*', '*', 'adjustment in', 'inputs leave, outputs arrive; none switches it off');

GRANT SELECT ON epcis_captures, epcis_events, epcis_vocabulary, epcis_movements TO stocktide_reader;
