"""Sessions: after the user and after simplejwt's blacklist. In one migration with the user this would be a circle."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('securelogin', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('token_blacklist', '0013_alter_blacklistedtoken_options_and_more'),
    ]

    operations = [
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('generation', models.PositiveIntegerField(default=0, verbose_name='generation')),
                ('rotated_at', models.DateTimeField(verbose_name='last used at')),
                ('retry_digest', models.CharField(blank=True, max_length=64, null=True, verbose_name='digest of the idempotency key')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('ip_address', models.GenericIPAddressField(blank=True, null=True, verbose_name='IP address')),
                ('user_agent', models.CharField(blank=True, max_length=255, verbose_name='user agent')),
                ('device', models.CharField(blank=True, max_length=64, verbose_name='device')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('end_reason', models.CharField(blank=True, choices=[('logout', 'logged out'), ('logout_others', 'logged out from another session'), ('logout_all', 'logged out everywhere'), ('revoked', 'revoked by staff'), ('reuse', 'an old refresh token was used again'), ('evicted', 'too many sessions'), ('password', 'the password was changed'), ('phone', 'the number was changed'), ('closed', 'the account was closed')], max_length=16, verbose_name='end reason')),
                ('token', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='securelogin_session', to='token_blacklist.outstandingtoken', verbose_name='outstanding token')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='securelogin_sessions', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'indexes': [models.Index(fields=['ended_at'], name='securelogin_session_ended')],
            },
        ),
    ]
