-- Known shelves of each location and day.
SELECT location_id, day, known, empty
FROM shelf_days
