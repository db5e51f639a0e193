"""Users, codes and counters; nothing of simplejwt's blacklist, which points at the user itself."""

import django.utils.timezone
import securelogin.base_user
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Counter',
            fields=[
                ('key', models.CharField(max_length=100, primary_key=True, serialize=False, verbose_name='key')),
                ('count', models.PositiveIntegerField(verbose_name='count')),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='expires at')),
            ],
            options={
                'verbose_name': 'counter',
                'verbose_name_plural': 'counters',
            },
        ),
        migrations.CreateModel(
            name='OneTimeCode',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name='key')),
                ('touched_at', models.DateTimeField(db_index=True, verbose_name='touched at')),
                ('purpose', models.CharField(blank=True, max_length=16, verbose_name='purpose')),
                ('nonce', models.CharField(blank=True, max_length=32, verbose_name='nonce')),
                ('key_id', models.CharField(blank=True, max_length=8, verbose_name='key id')),
                ('provider', models.CharField(blank=True, max_length=64, verbose_name='provider')),
                ('provider_id', models.CharField(blank=True, max_length=64, verbose_name="provider's id")),
                ('code_length', models.PositiveSmallIntegerField(default=0, verbose_name='digits')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='expires at')),
                ('guesses', models.PositiveSmallIntegerField(default=0, verbose_name='guesses')),
                ('consumed_at', models.DateTimeField(null=True, verbose_name='consumed at')),
                ('resend_at', models.DateTimeField(null=True, verbose_name='next code from')),
                ('sends_in_hour', models.PositiveIntegerField(default=0, verbose_name='codes in the hour')),
                ('hour_began_at', models.DateTimeField(null=True, verbose_name='hour began at')),
                ('sends_in_day', models.PositiveIntegerField(default=0, verbose_name='codes in the day')),
                ('sending_day_began_at', models.DateTimeField(null=True, verbose_name='day of codes began at')),
                ('failed_at', models.DateTimeField(null=True, verbose_name='last failure at')),
                ('failures_in_day', models.PositiveIntegerField(default=0, verbose_name='failures in the day')),
                ('day_began_at', models.DateTimeField(null=True, verbose_name='day of failures began at')),
                ('failures_in_month', models.PositiveIntegerField(default=0, verbose_name='failures in 30 days')),
                ('month_began_at', models.DateTimeField(null=True, verbose_name='30 days of failures began at')),
                ('failures_in_a_row', models.PositiveIntegerField(default=0, verbose_name='failures in a row')),
                ('disabled_at', models.DateTimeField(null=True, verbose_name='disabled at')),
                ('display_name', models.CharField(blank=True, max_length=150, verbose_name='display name')),
                ('name_expires_at', models.DateTimeField(null=True, verbose_name='name expires at')),
            ],
            options={
                'verbose_name': 'one-time code',
                'verbose_name_plural': 'one-time codes',
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(default=securelogin.base_user.unusable_password, max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('phone', securelogin.base_user.PhoneField(blank=True, max_length=16, null=True, unique=True, verbose_name='phone number')),
                ('username', models.CharField(blank=True, max_length=150, verbose_name='display name')),
                ('email', securelogin.base_user.LowerCaseEmailField(blank=True, max_length=254, null=True, unique=True, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into the admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Unselect this instead of deleting accounts: its sessions stop working.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='date joined')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
                'swappable': 'AUTH_USER_MODEL',
            },
            managers=[
                ('objects', securelogin.base_user.PhoneUserManager()),
            ],
        ),
    ]
