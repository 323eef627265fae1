"""Amazon SES: mail goes to it by SMTP, and it reports by Amazon SNS what became of each."""
