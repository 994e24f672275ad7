-- EPCIS capture jobs, events as captured, and the vocabulary that maps them to movements.
SELECT 1;
