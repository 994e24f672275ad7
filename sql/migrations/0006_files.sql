-- Files that were watched for, each once by its content.
SELECT 1;
