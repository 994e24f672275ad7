-- Alerts, their deliveries and webhooks; scopes and limits of keys.
SELECT 1;
